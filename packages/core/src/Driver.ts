/**
 * The driver contract: what whoever drives a node must keep. The runtime (`@hyparview/runtime`) and the simulator
 * (`@hyparview/simulator`) keep it alike, and one suite of golden scripts runs on the bare core and on both.
 *
 * A driver owns a state, and
 *
 * 1. gives one input at a time to `step`, in the order in which things happened, and keeps the state that comes back;
 *    nothing else touches the state;
 * 2. stamps each input with `now`, in whole milliseconds, never decreasing;
 * 3. performs the outputs in their order, all of them before the next input;
 * 4. reports back every output that can fail: `Send` with `SendFailed` or `LinkClosed`, `Dial` with `LinkOpened` or
 *    `DialFailed`, `Discover` with `ContactsFound`, `Measure` with `CostsMeasured`, `SetTimer` with `TimerFired`. A report is an input like any other: it
 *    is never given from inside a `step`, however soon the failure is known;
 * 5. gives a close that it knows of before any message that came later from the same peer.
 *
 * **Links.** `Send` uses the open link to the peer or dials one; what is sent meanwhile waits in order. There is at most
 * one link for each peer: of two crossing dials the one that the smaller id dialled stays, and nothing is reported of the
 * other. A link is kept while `keepsLink` says so; any other is closed after it has been idle for a while
 * (`temporaryLinkIdle`), which is not reported at the end that closes it. `Close` sends what was sent before, then closes;
 * a later `Send` to the same peer dials anew.
 *
 * A message to an incarnation that is over goes to the later one that answers under its id, if there is one: a request is
 * answered all the same, and the answer tells of the new epoch. What names a link of the old one is dropped.
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
 * of the message. A driver that learns that a peer knows a higher epoch of our own id gives `EpochConflict`; after
 * `EpochRaised` it closes every link that was opened under the old epoch.
 *
 * **Timers.** One slot for each kind. `SetTimer` replaces what the slot held. A timer that was replaced or cleared need not
 * be given; one that is given all the same is ignored by its nonce.
 *
 * @since 0.1.0
 */
import type * as HyParView from "./HyParView.ts"
import type { Key, Peer } from "./Peer.ts"

/**
 * The shape that every protocol module has: a state, and one function from a state and an input to the next state and the
 * outputs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Protocol<State, Input, Output> {
  /** Pure: changes nothing, throws nothing, and gives the same for the same on every machine. */
  readonly step: (state: State, input: Input) => { readonly state: State; readonly outputs: ReadonlyArray<Output> }
}

/**
 * The outputs on which a driver acts; all others are events for the application.
 *
 * @category models
 * @since 0.1.0
 */
export type Action<I extends Key, A, Message, Timer> =
  | { readonly _tag: "Send"; readonly to: Peer<I, A>; readonly message: Message }
  | { readonly _tag: "Dial"; readonly address: A }
  | { readonly _tag: "Close"; readonly peer: Peer<I, A> }
  | { readonly _tag: "SetTimer"; readonly kind: Timer; readonly nonce: number; readonly at: number }
  | { readonly _tag: "ClearTimer"; readonly kind: Timer }
  | { readonly _tag: "Discover" }
  | { readonly _tag: "Measure"; readonly nonce: number; readonly peers: ReadonlyArray<Peer<I, A>> }

/**
 * The inputs by which a driver reports what became of an action.
 *
 * @category models
 * @since 0.1.0
 */
export type Report<I extends Key, A> = Extract<
  HyParView.Input<I, A>,
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
