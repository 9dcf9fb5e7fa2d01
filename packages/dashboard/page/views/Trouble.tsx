/** Why what is seen is not what is: the server or the cluster does not answer, and how old the picture is. */
import { connection, feed, refusal } from "../model/session.ts"
import { result } from "../model/state.ts"
import { clock } from "./EventLog.tsx"

const inWords = (): string | undefined => {
  if (result.value !== undefined) return undefined
  if (refusal.value !== undefined) return `The server shows this page nothing: ${refusal.value}. It is asked again.`
  if (connection.value !== "lost") return feed.value?.counters.trouble ?? undefined
  const at = feed.value?.counters.atMillis
  const age = at === undefined ? "" : ` What you see is as it was at ${clock.format(at)}.`
  return `The server does not answer; it is asked again and again.${age}`
}

export const Trouble = () => {
  const text = inWords()
  return (
    <div class="trouble" aria-live="polite">
      {text === undefined ? null : <p>{text}</p>}
    </div>
  )
}
