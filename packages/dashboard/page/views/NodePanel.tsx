/** The selected node: who it is, whom it knows, what can be done with it. */
import * as commands from "../model/commands.ts"
import { seenNodes, token } from "../model/session.ts"
import { detail, picture, result, selected, showsPassive } from "../model/state.ts"

const words = { running: "alive", joining: "joining", isolated: "isolated", dead: "dead", left: "left" } as const

const Ids = ({ ids, name }: { readonly ids: ReadonlyArray<string>; readonly name: string }) => (
  <div class="ids">
    <h3>
      {name} <span class="quiet">{ids.length}</span>
    </h3>
    <p>
      {ids.length === 0 ? <span class="quiet">nobody</span> : null}
      {ids.map((id) => (
        <button key={id} type="button" class="id" title={id} onClick={() => (selected.value = id)}>
          {id}
        </button>
      ))}
    </p>
  </div>
)

const millis = (value: number | null | undefined): string =>
  value === null || value === undefined ? "–" : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`

const inPicture = (id: string): ReadonlyArray<string> =>
  picture.value.links.flatMap(({ a, b }) => (a === id ? [b] : b === id ? [a] : []))

/** For who does not see the graph: on whom one stands while one walks through it. */
export const Selection = () => {
  const drawn = selected.value === undefined ? undefined : picture.value.nodes.get(selected.value)
  return (
    <p class="visually-hidden" aria-live="polite">
      {drawn === undefined ? "" : `${drawn.id}, ${words[drawn.state]}`}
    </p>
  )
}

export const NodePanel = () => {
  const id = selected.value
  if (id === undefined) return null
  const drawn = picture.value.nodes.get(id)
  if (drawn === undefined) return null
  const live = result.value === undefined ? seenNodes.value?.get(id) : undefined
  const arrival = picture.value.arrivals.get(id)
  const more = detail.value
  const isOff = token.value === undefined
  const runs = drawn.state !== "dead" && drawn.state !== "left"
  return (
    <section class="panel node" aria-label={`Node ${id}`}>
      <header>
        <h2>{id}</h2>
        <span class={`pill ${drawn.state}`}>{words[drawn.state]}</span>
        <button type="button" class="quiet close" aria-label="Deselect" onClick={() => (selected.value = undefined)}>
          ×
        </button>
      </header>
      <dl class="facts">
        {live === undefined ? null : (
          <>
            <dt>Address</dt>
            <dd>{live.address}</dd>
            <dt>Process</dt>
            <dd>{live.process ?? "–"}</dd>
            <dt>Round trip</dt>
            <dd>{millis(live.roundTripMillis)}</dd>
          </>
        )}
        {arrival === undefined ? null : (
          <>
            <dt>Latest message</dt>
            <dd>
              {arrival.hops} {arrival.hops === 1 ? "hop" : "hops"}
              {arrival.millis === undefined ? "" : `, ${millis(arrival.millis)}`}
            </dd>
          </>
        )}
        {more === undefined ? null : (
          <>
            <dt>Messages</dt>
            <dd>
              {more.sent.toLocaleString("en")} sent, {more.received.toLocaleString("en")} received
            </dd>
            <dt>Incarnation</dt>
            <dd>{more.epoch}</dd>
          </>
        )}
      </dl>
      <Ids name="Active view" ids={live?.active ?? inPicture(id)} />
      {more === undefined ? null : (
        <>
          <label class="switch">
            <input
              type="checkbox"
              checked={showsPassive.value}
              onChange={({ currentTarget }) => (showsPassive.value = currentTarget.checked)}
            />
            Draw the passive view ({more.passive.length})
          </label>
          {showsPassive.value ? <Ids name="Passive view" ids={more.passive} /> : null}
        </>
      )}
      {live === undefined ? null : (
        <div class="row">
          {runs ? (
            <>
              <button type="button" class="primary" disabled={isOff} onClick={() => commands.publish(id)}>
                Publish from {id}
              </button>
              <button type="button" class="destructive" disabled={isOff} onClick={() => commands.kill(id)}>
                Kill …
              </button>
            </>
          ) : (
            <button type="button" class="primary" disabled={isOff} onClick={() => commands.restart(id)}>
              Restart {id}
            </button>
          )}
        </div>
      )}
    </section>
  )
}
