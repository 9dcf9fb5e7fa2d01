/**
 * What happens in a world, in words: one line for what a node was told, and one, further in, for each thing that it does.
 */
import type { LinkId, Peer, Sample } from "@hyparview/core/Peer"
import type * as Plumtree from "@hyparview/core/Plumtree"
import { type Flight, idAt, type Input, type Message, type Output } from "./World.ts"

type Someone = Peer<number, number>

/** `3`; `3@2` in its second incarnation. */
const who = ({ epoch, id }: Someone): string => (epoch <= 1 ? `${id}` : `${id}@${epoch}`)

/** `3#7`: the link that request 7 of node 3 has made. */
const which = ({ asker, epoch, requestId }: LinkId<number>): string =>
  epoch === 1 ? `${asker}#${requestId}` : `${asker}@${epoch}#${requestId}`

const offering = ({ ages, peers }: Sample<number, number>): string =>
  peers.length === 0
    ? "nobody"
    : peers.map((peer, index) => (ages[index] === 0 ? who(peer) : `${who(peer)} (age ${ages[index]})`)).join(" ")

const contactsOf = (addresses: ReadonlyArray<number>): string =>
  addresses.length === 0 ? "nobody" : addresses.map(idAt).join(" ")

const textOf = (bytes: Uint8Array): string => `"${new TextDecoder().decode(bytes)}"`

const sayMessage = (message: Message): string => {
  switch (message._tag) {
    case "Join":
      return `Join #${message.requestId}`
    case "ForwardJoin":
      return `ForwardJoin of ${who(message.joiner)}, ttl ${message.ttl}`
    case "Neighbor":
      return `Neighbor #${message.requestId} ${message.reason}`
    case "NeighborReply":
      return (
        `NeighborReply #${message.requestId} ${message.answer}` +
        (message.answer === "limited" ? ` for ${message.retryAfterMillis} ms` : "") +
        (message.sample.peers.length > 0 ? `: ${offering(message.sample)}` : "")
      )
    case "Disconnect":
      return message.reason === "leaving"
        ? `Disconnect ${which(message.link)} leaving`
        : `Disconnect ${which(message.link)} evicted: ${offering(message.sample)}`
    case "Shuffle":
      return `${message.link === undefined ? "direct " : ""}Shuffle #${message.requestId} of ${who(message.origin)}, ttl ${message.ttl}: ${offering(message.sample)}`
    case "ShuffleReply":
      return `ShuffleReply #${message.requestId}: ${offering(message.sample)}`
    case "Heartbeat":
    case "HeartbeatReply":
    case "NotNeighbor":
      return `${message._tag} ${which(message.link)}`
    case "Probe":
    case "ProbeReply":
      return message._tag
    case "DisconnectWait":
      return `DisconnectWait ${which(message.link)} ${message.waits ? `for #${message.requestId}` : "no more"}`
    case "Optimization":
      return `Optimization #${message.requestId}, old ${who(message.old)}: ${message.before} → ${message.after}`
    case "Replace":
      return (
        `Replace ${which(message.link)} for ${who(message.initiator)}#${message.requestId}, ` +
        `old ${who(message.old)}: ${message.before} → ${message.after}`
      )
    case "Switch":
      return `Switch #${message.requestId} for ${who(message.initiator)}#${message.round}`
    case "OptimizationReply":
    case "SwitchReply":
    case "ReplaceReply":
      return `${message._tag} #${message.requestId} ${message.accepted ? "accepted" : "refused"}`
    case "Carried":
      return sayBody(message.body)
  }
}

const sayId = ({ sequence, source }: Plumtree.MessageId<number>): string => `${source}/${sequence}`

const sayRanges = ({ runs, source }: Plumtree.Ranges<number>): string => {
  const parts: Array<string> = []
  for (let i = 0; i + 1 < runs.length; i += 2) {
    parts.push(runs[i] === runs[i + 1] ? `${source}/${runs[i]}` : `${source}/${runs[i]}–${runs[i + 1]}`)
  }
  return parts.join(" ")
}

/** What is said of broadcasts. A message is named by its source and number. */
const sayBody = (body: Plumtree.Message<number>): string => {
  switch (body._tag) {
    case "Gossip":
      return (
        `Gossip ${textOf(body.payload)}, hop ${body.round}` + (body.replay === undefined ? "" : ` (${body.replay})`)
      )
    case "IHave":
      return `IHave ${body.announcements.map(({ id, round }) => `${sayId(id)} (hop ${round})`).join(" ")}`
    case "Graft":
      return `Graft ${body.ids.map(sayId).join(" ")}${body.payload ? "" : " (link only)"}`
    case "GraftMiss":
      return `GraftMiss ${body.ids.map(sayId).join(" ")}`
    case "Prune":
      return body.tree === undefined ? "Prune" : `Prune in the tree of ${body.tree}`
    case "Digest":
      return `Digest ${body.held.map(sayRanges).join(" ")}`
    case "Fetch":
      return `Fetch ${body.wanted.map(sayRanges).join(" ")}`
    case "Fetched":
      return (
        `Fetched${body.more ? ", there is more" : ""}` +
        body.gone.map(({ below, source }) => `, gone below ${source}/${below}`).join("")
      )
    case "Recall":
      return `Recall the last ${body.count}`
    case "Recalled":
      return `Recalled ${textOf(body.payload)}`
    case "RecallEnd":
      return "RecallEnd"
    case "Branch":
      return `Branch ${body.joined ? "in" : "no more in"} tree ${body.tree}`
    case "Load":
      return `Load ${body.children.join(" ")}`
    case "Beat":
      return `Beat of ${body.source}`
  }
}

/** What a node was told. */
export const sayInput = (id: number, input: Input): string => {
  switch (input._tag) {
    case "Join":
      return `${id} joins through ${contactsOf(input.contacts)}`
    case "Leave":
      return `${id} leaves`
    case "Publish":
      return `${id} publishes ${textOf(input.payload)}`
    case "Received":
      return `${id} ← ${who(input.from)}  ${sayMessage(input.message)}`
    case "SendFailed":
      return `${id} cannot reach ${who(input.to)}: ${input.cause}`
    case "LinkClosed":
      return `${id} loses its link to ${who(input.peer)}: ${input.cause}`
    case "LinkOpened":
      return `${id} finds ${who(input.peer)} at the address of ${idAt(input.address)}`
    case "DialFailed":
      return `${id} finds nobody at the address of ${idAt(input.address)}: ${input.cause}`
    case "ContactsFound":
      return `${id} is told of ${contactsOf(input.contacts)}`
    case "CostsMeasured":
      return `${id} is told the costs ${input.costs.map((cost) => cost ?? "?").join(" ")}`
    case "TimerFired":
      return `${id} wakes for ${input.kind}`
    case "EpochConflict":
      return `${id} is known in epoch ${input.epoch}`
    case "ValidateTopic":
      return `${id} validates messages ${input.on ? "from now on" : "no longer"}`
    case "Validated":
      return `${id} is told: ${input.verdict} ${sayId(input.id)}`
    case "Recall":
      return `${id} recalls the last ${input.count}`
  }
}

/** What a node does; undefined for what only `timers` shows. */
export const sayOutput = (output: Output, now: number, timers: boolean): string | undefined => {
  switch (output._tag) {
    case "Send":
      return `→ ${who(output.to)}  ${sayMessage(output.message)}`
    case "Dial":
      return `dials ${idAt(output.address)}`
    case "Close":
      return `closes ${who(output.peer)}`
    case "SetTimer":
      return timers ? `sets ${output.kind} in ${output.at - now} ms` : undefined
    case "ClearTimer":
      return timers ? `clears ${output.kind}` : undefined
    case "Discover":
      return "asks Discovery"
    case "Measure":
      return `weighs ${output.peers.map(who).join(" ")}`
    case "NeighborUp":
      return `+ ${who(output.peer)}`
    case "NeighborDown":
      return `− ${who(output.peer)} ${output.reason}`
    case "LinkRenewed":
      return `has another link with ${who(output.peer)}`
    case "Joined":
      return "is joined"
    case "RoundTrip":
      return `${who(output.peer)} is ${output.millis} ms away and back`
    case "EpochRaised":
      return `is now ${who(output.self)}`
    case "Left":
      return "has left"
    case "DuplicateIdentity":
      return `stops: another process is ${output.epoch}`
    case "Delivered":
      return `delivers ${textOf(output.payload)} of ${output.id.source}`
    case "Duplicate":
      return "knows it already"
    case "Lagged":
      return `gives up ${sayRanges({ ...output, runs: [output.first, output.last] })}`
    case "MadeRoom":
      return `keeps no more of ${output.source}: ${output.messages}`
    case "Validate":
      return `asks for a verdict on ${textOf(output.payload)}`
    case "Rejected":
      return `drops ${sayId(output.id)}: ${output.verdict}`
    case "Recalled":
      return `recalls ${output.messages.map(({ payload }) => textOf(payload)).join(" ") || "nothing"}${output.done ? ", and that is all" : ""}`
  }
}

/** What is under way. */
export const sayFlight = ({ from, to, what }: Flight): string => {
  switch (what._tag) {
    case "Message":
      return `${from} → ${to}  ${sayMessage(what.message)}`
    case "End":
      return `${from} → ${to}  the link's end (${what.cause})`
    case "Contact":
      return `${from} → ${to}  a dial`
    case "Found":
      return `Discovery → ${to}`
  }
}
