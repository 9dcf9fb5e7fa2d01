/**
 * The driver contract: what whoever drives a node must keep. The runtime (`@hyparview/runtime`) and the simulator
 * (`@hyparview/simulator`) keep it alike, and one suite of golden scripts runs on the bare core and on both.
 *
 * A driver owns a state, and
 *
 * 1. gives one input at a time to `step`, in the order in which things happened, and keeps the state that comes back;
 *    nothing else touches the state;
 * 2. stamps each input with `now`, in whole milliseconds from 0, never decreasing;
 * 3. performs the outputs in their order, all of them before the next input;
 * 4. reports back what becomes of an output: `Send` with `SendFailed` or `LinkClosed`, if it fails; `Dial` with
 *    `LinkOpened` or `DialFailed`, `Discover` with `ContactsFound`, `Measure` with `CostsMeasured`, `SetTimer` with
 *    `TimerFired`. A report is an input like any other: it is never given from inside a `step`, however soon the failure
 *    is known;
 * 5. gives a close that it knows of before any message that came later from the same peer.
 *
 * **Links.** `Send` uses the open link to the peer or dials one; what is sent meanwhile waits in order. One link with each peer
 * is in use: of two crossing dials the one that the smaller id dialled. What comes over the other is given all the same, and
 * nothing is reported of its end. A link is kept while `keepsLink` says so; any other is closed after it has been idle for a
 * while (the runtime's `temporaryLinkIdle`), which is not reported at the end that closes it. `Close` sends what was sent
 * before, then closes; a later `Send` to the same peer dials anew.
 *
 * A message to an incarnation that is over goes to the later one that answers under its id, if there is one: a request is
 * answered all the same, and the answer tells of the new epoch. What names a link of the old one is dropped. One to a later
 * incarnation than an open link's dials; the open link ends no sooner than that one has said who it is. Where many answers to
 * shuffles would be dialled for, those beyond a bound are lost, and nothing is reported (rules B7 and B8 of `docs/protocol.md`).
 *
 * **SendFailed** means: there is no link to this peer, and none could be opened; everything that waited for it is lost.
 * It is given once for a failed dial, not once for each message. **LinkClosed** means: an open link to this peer has
 * ended, other than by our own `Close`. A link on which the far end has said nothing a driver understands (no Hello,
 * another cluster, garbage) was never open.
 *
 * **Costs.** Asked only where X-BOT is on. What a link costs is the driver's to say, from both its ends alike as far as it
 * can: a round trip in microseconds here and in the simulator. The answer may take a request's time-out; what comes later
 * is ignored. A driver that cannot tell answers `undefined`, and that link is left alone.
 *
 * **Identity.** The `from` of a message is the peer whose identity was established when the link was opened, never a field
 * of the message. A driver that learns that a peer knows a higher epoch of our own id gives `EpochConflict`. Where peers may lie, it
 * gives one that would stop the node (`HyParView.wouldStop`) only once it has met the other process itself (rule B9). After
 * `EpochRaised` it closes every link that was opened under the old epoch.
 *
 * **Timers.** One slot for each kind. `SetTimer` replaces what the slot held. A timer that was replaced or cleared need not
 * be given; one that is given all the same is ignored by its nonce.
 *
 * **The simplest driver**: two nodes, a network that loses nothing, and a clock that goes from event to event.
 *
 * @example
 * ```ts
 * import { type Driver, HyParView, Node, Plumtree, Random } from "@hyparview/core"
 * import { Result } from "effect"
 *
 * const config = { membership: Result.getOrThrow(HyParView.forClusterSize(2)), broadcast: Plumtree.defaultConfig }
 * const started = ["ann", "bob"].map((id, seed) =>
 *   Node.init({ config, self: { id, epoch: 1, address: id }, random: Random.seeded(seed) })
 * )
 * const nodes = new Map(started.map((state) => [state.membership.self.id, state]))
 * const due: Array<readonly [to: string, input: Node.Input]> = [
 *   ["ann", { _tag: "Join", now: 0, contacts: [] }],
 *   ["bob", { _tag: "Join", now: 1, contacts: ["ann"] }],
 *   ["ann", { _tag: "Publish", now: 500, topic: "news", payload: new TextEncoder().encode("hello") }]
 * ]
 *
 * const perform = ({ membership: { self } }: Node.State, now: number, output: Node.Output): void => {
 *   const report = (input: Driver.Report): void => void due.push([self.id, input])
 *   switch (output._tag) {
 *     case "Send": // Takes 5 ms, and never fails: there is nothing to report.
 *       return void due.push([output.to.id, { _tag: "Received", now: now + 5, from: self, message: output.message }])
 *     case "Dial": {
 *       const { address } = output
 *       const peer = nodes.get(address)?.membership.self
 *       if (peer === undefined) return report({ _tag: "DialFailed", now, address, cause: "refused" })
 *       return report({ _tag: "LinkOpened", now: now + 5, address, peer })
 *     }
 *     case "Discover":
 *       return report({ _tag: "ContactsFound", now, contacts: [] })
 *     case "SetTimer": // One that is replaced or cleared fires all the same, and is ignored by its nonce.
 *       return report({ _tag: "TimerFired", now: output.at, kind: output.kind, nonce: output.nonce })
 *     case "Delivered":
 *       return console.log(self.id, "got", new TextDecoder().decode(output.payload), "from", output.id.source)
 *   }
 * }
 *
 * for (let next = due.shift(); next !== undefined && next[1].now <= 1_000; next = due.shift()) {
 *   const [to, input] = next
 *   const state = nodes.get(to)
 *   if (state === undefined) continue
 *   const step = Node.step(state, input)
 *   nodes.set(to, step.state)
 *   for (const output of step.outputs) perform(step.state, input.now, output)
 *   due.sort((a, b) => a[1].now - b[1].now)
 * }
 * // ann got hello from ann
 * // bob got hello from ann
 * ```
 *
 * @since 0.1.0
 */
import type * as Node from "./Node.ts"
import type { Key } from "./Peer.ts"

/**
 * The inputs by which a driver reports what became of an output, and what it has learned of this node's own id.
 *
 * @category models
 * @since 0.1.0
 */
export type Report<I extends Key = string, A = string> = Extract<
  Node.Input<I, A>,
  {
    _tag:
      | "SendFailed"
      | "LinkClosed"
      | "LinkOpened"
      | "DialFailed"
      | "ContactsFound"
      | "CostsMeasured"
      | "TimerFired"
      | "EpochConflict"
  }
>
