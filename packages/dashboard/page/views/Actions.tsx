/** What can be done to the whole cluster. */
import * as commands from "../model/commands.ts"
import { feed, token } from "../model/session.ts"
import { busy, result } from "../model/state.ts"

export const Actions = () => {
  const counters = feed.value?.counters
  const isOff = token.value === undefined || result.value !== undefined
  return (
    <div class="actions" role="toolbar" aria-label="Actions on the cluster" aria-busy={busy.value > 0}>
      <button
        type="button"
        class="primary"
        disabled={isOff}
        onClick={() => commands.publish()}
        title="From the selected node, or any (B)"
      >
        Publish
      </button>
      <button type="button" disabled={isOff} onClick={commands.killShare}>
        Kill a share …
      </button>
      <button type="button" disabled={isOff || (counters?.dead ?? 0) === 0} onClick={commands.restartDead}>
        Restart the dead
      </button>
      <button type="button" disabled={isOff} onClick={commands.addNodes}>
        Add nodes …
      </button>
      {(counters?.groups ?? 0) > 0 ? (
        <button type="button" class="primary" disabled={isOff} onClick={commands.heal}>
          Heal the cut
        </button>
      ) : (
        <button type="button" disabled={isOff} onClick={commands.partition}>
          Cut the network …
        </button>
      )}
      {busy.value > 0 ? <span class="spinner" role="status" aria-label="Working" /> : null}
      {token.value === undefined ? (
        <p class="quiet">View only. To act, open the address that the command printed.</p>
      ) : null}
    </div>
  )
}
