/** What happened, the newest first, with reasons. */
import { logEntries } from "../model/session.ts"
import { selected } from "../model/state.ts"

/** More lines than anybody scrolls through. */
const shown = 200

export const clock = new Intl.DateTimeFormat("en", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23"
})

export const EventLog = () => {
  const entries = logEntries.value?.slice(-shown).reverse() ?? []
  return (
    <section class="panel log" aria-label="Events">
      <h2>Events</h2>
      {entries.length === 0 ? <p class="quiet">Nothing has happened yet.</p> : null}
      <div role="log" aria-live="polite" aria-relevant="additions">
        <ol>
          {entries.map(({ atMillis, isBad, kind, node, reason, sequence, text }) => (
            <li key={sequence} class={isBad ? "bad" : kind} data-kind={kind}>
              <time dateTime={new Date(atMillis).toISOString()}>{clock.format(atMillis)}</time>
              <span>
                {node === null ? (
                  text
                ) : (
                  <button type="button" class="text" onClick={() => (selected.value = node)}>
                    {text}
                  </button>
                )}
                {reason === null ? null : <em> {reason}</em>}
              </span>
            </li>
          ))}
        </ol>
      </div>
    </section>
  )
}
