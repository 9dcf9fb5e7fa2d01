/**
 * Sequences of events as text that a person can follow, in the manner of a golden script.
 */
import * as HyParView from "@hyparview/core/HyParView"
import { nameOf } from "./Calm.ts"
import { type Event, type Id, idAt, type Input, type Message, type Output, type Someone, type World } from "./World.ts"

const names = (peers: ReadonlyArray<Someone>): string => peers.map(nameWithEpoch).join(" ")

const nameWithEpoch = ({ epoch, id }: Someone): string => (epoch === 1 ? nameOf(id) : `${nameOf(id)}@${epoch}`)

/** A message in a few words. */
const showMessage = (message: Message): string => {
  const link =
    "link" in message && message.link !== undefined
      ? ` on ${nameOf(message.link.asker)}@${message.link.epoch}#${message.link.requestId}`
      : ""
  const sample = "sample" in message && message.sample.peers.length > 0 ? ` {${names(message.sample.peers)}}` : ""
  switch (message._tag) {
    case "Join":
      return `Join #${message.requestId}`
    case "Neighbor":
      return `Neighbor #${message.requestId} ${message.reason}`
    case "NeighborReply":
      return `NeighborReply #${message.requestId} ${message.answer}${sample}`
    case "ForwardJoin":
      return `ForwardJoin ${nameWithEpoch(message.joiner)} ttl ${message.ttl}${link}`
    case "Disconnect":
      return `Disconnect ${message.reason}${link}${sample}`
    case "Shuffle":
      return `Shuffle #${message.requestId} of ${nameWithEpoch(message.origin)} ttl ${message.ttl}${link}${sample}`
    case "ShuffleReply":
      return `ShuffleReply #${message.requestId}${sample}`
    default:
      return `${message._tag}${link}`
  }
}

const showInput = (input: Input): string => {
  switch (input._tag) {
    case "Received":
      return `from ${nameWithEpoch(input.from)}: ${showMessage(input.message)}`
    case "SendFailed":
      return `SendFailed to ${nameWithEpoch(input.to)} (${input.cause})`
    case "LinkClosed":
      return `LinkClosed to ${nameWithEpoch(input.peer)} (${input.cause})`
    case "LinkOpened":
      return `LinkOpened to ${nameWithEpoch(input.peer)}`
    case "TimerFired":
      return `timer ${input.kind}`
    default:
      return input._tag
  }
}

const showOutput = (output: Output): string | undefined => {
  switch (output._tag) {
    case "Send":
      return `→ ${nameWithEpoch(output.to)}: ${showMessage(output.message)}`
    case "Dial":
      return `dial ${nameOf(idAt(output.address))}`
    case "Close":
      return `close ${nameOf(output.peer.id)}`
    case "NeighborUp":
      return `up ${nameWithEpoch(output.peer)}`
    case "NeighborDown":
      return `down ${nameWithEpoch(output.peer)} (${output.reason})`
    case "SetTimer":
    case "ClearTimer":
    case "RoundTrip":
      return undefined
    default:
      return output._tag
  }
}

/** An event as a command. */
const showEvent = (event: Event): string => {
  switch (event._tag) {
    case "Fire":
      return `tick ${nameOf(event.node)} ${event.kind}`
    case "Start":
      return `start ${nameOf(event.node)}@${event.epoch} via ${event.contacts.map(nameOf).join(" ") || "nobody"}`
    case "OpenContact":
    case "FailContact":
      return `${event._tag} ${nameOf(event.node)} ${nameOf(idAt(event.address))}`
    case "Break":
      return `break ${nameOf(event.from)}–${nameOf(event.to)}${event.lost ? " and lose what is under way" : ""}`
    case "Discovered":
    case "Crash":
    case "Leave":
      return `${event._tag.toLowerCase()} ${nameOf(event.node)}`
    default:
      return `${event._tag.toLowerCase()} ${nameOf(event.from)} → ${nameOf(event.to)}`
  }
}

/** The views of one node in a line. */
export const showViews = (world: World, id: Id): string => {
  const state = world.stateOf(id)
  if (state === undefined) return `${nameOf(id)}: not running`
  const asking = state.pending.map(({ peer, reason, requestId }) => `${nameOf(peer.id)} (${reason} #${requestId})`)
  const links = state.active.map(
    ({ chosen, link, peer }) =>
      `${nameWithEpoch(peer)}[${nameOf(link.asker)}#${link.requestId}${chosen ? " chosen" : ""}]`
  )
  return [
    `${nameWithEpoch(state.self)} ${state.status}: active {${links.join(" ")}}`,
    `passive {${names(HyParView.passivePeers(state))}}`,
    ...(asking.length > 0 ? [`asking ${asking.join(" ")}`] : []),
    ...(state.memory.graveyard.ids.length > 0 ? [`graves {${names(HyParView.buriedPeers(state))}}`] : []),
    ...(state.memory.departed.length > 0
      ? [`departed {${state.memory.departed.map(({ id }) => nameOf(id)).join(" ")}}`]
      : []),
    ...(state.round.waiting ? ["waiting"] : [])
  ].join(" · ")
}

/** Applies events to a world and writes down what happens, with the views after each event. */
export const trace = (world: World, run: (apply: (event: Event) => void) => void): string => {
  const lines: Array<string> = []
  const seen = world.observer
  let changed = new Set<Id>()
  world.observer = (node, before, input, step) => {
    seen?.(node, before, input, step)
    changed.add(node)
    const outputs = step.outputs.map(showOutput).filter((text) => text !== undefined)
    lines.push(`    ${nameOf(node)} ${showInput(input)}${outputs.length > 0 ? ` ⇒ ${outputs.join("; ")}` : ""}`)
  }
  run((event) => {
    changed = new Set()
    lines.push(`${world.now} ${showEvent(event)}`)
    world.apply(event)
    for (const id of changed) lines.push(`      ${showViews(world, id)}`)
  })
  world.observer = seen
  return lines.join("\n")
}
