/**
 * A chat: everybody who has joined hears what everybody says, each one's lines in the order in which they were said, and
 * who comes (back) hears first what was said last.
 *
 * The program asks for `Membership` and `Broadcast`; what carries them, and what lines come from and go to, is up to who
 * runs it.
 */
import { Broadcast, Membership } from "@hyparview/runtime"
import { Data, Duration, Effect, Schema, Stream } from "effect"

/** What is said. Who said it is the name of the node that published it. */
const Line = Schema.Struct({ text: Schema.NonEmptyString })

export interface Options {
  /** Addresses of others; with none, others come to us. */
  readonly contacts: ReadonlyArray<string>
  /** So many lines from before we came are asked for at once; others that are kept come after. */
  readonly history: number
  /** What we say, line by line, none of them empty, as soon as somebody is there. The chat is over when it ends. */
  readonly input: Stream.Stream<string>
  /** Done when we wait no longer for the first who answers. */
  readonly left: Effect.Effect<void>
  /** So long we wait for the first who answers; then the chat fails. */
  readonly patience: Duration.Input
  readonly print: (line: string) => Effect.Effect<void>
}

/** None of the contacts has answered in time. Nothing was said. */
export class NobodyAnswers extends Data.TaggedError("NobodyAnswers")<{ readonly contacts: ReadonlyArray<string> }> {
  override get message(): string {
    return `nobody answers at ${this.contacts.join(", ")}`
  }
}

/**
 * What the chat asks of the broadcast. Everybody keeps the lines of a day, the last 100 of each person. A new neighbour tells
 * them (`catchUp`, which is on by default): whoever comes gets them, the last `history` first, and so does whoever was cut
 * off while somebody came whom he has never heard. Without it the lines of such a one would be history, that nobody asks for.
 */
export const broadcast = { retainedMillis: Duration.toMillis("1 day"), retainedMessages: 100 }

const clock = (millis: number): string => new Date(millis).toTimeString().slice(0, 5)

export const chat = Effect.fn("chat")(function* ({ contacts, history, input, left, patience, print }: Options) {
  const membership = yield* Membership.Membership
  const broadcast = yield* Broadcast.Broadcast
  const { address, id: nick } = yield* membership.self
  const lines = yield* broadcast.topic("chat", Line)

  yield* print(`* ${nick} listens at ${address}`)
  yield* membership.join(contacts)
  if (contacts.length > 0) {
    // History is asked of neighbours; while none can be reached the node goes on trying.
    const joined = membership
      .awaitNeighbors(1)
      .pipe(
        Effect.as(true),
        Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.fail(new NobodyAnswers({ contacts })) })
      )
    if (!(yield* Effect.raceFirst(joined, Effect.as(left, false)))) return
    yield* print(`* joined through ${contacts.join(", ")}`)
  }

  const listen = lines.subscribe({ order: "source", history }).pipe(
    Stream.runForEach((delivery) => {
      switch (delivery._tag) {
        case "Message":
          return print(`${clock(delivery.publishedAt)} ${delivery.id.source}: ${delivery.payload.text}`)
        case "Lagged":
          return print(`* ${delivery.missed} lines are lost`)
        case "Undecodable":
          return print(`* ${delivery.id.source} says something that this version does not understand`)
      }
    })
  )
  const say = (text: string) =>
    lines.publish({ text }, { whenFull: "wait" }).pipe(
      Effect.catch((error) => print(`* not said: ${error.message}`)),
      Effect.onInterrupt(() => print(`* not said: ${text}`))
    )
  const speak = Stream.runForEach(input, say)
  // Ends only if another process goes by our name.
  const watch = membership.events.pipe(
    Stream.runForEach(({ _tag, peer }) =>
      print(_tag === "NeighborUp" ? `* linked with ${peer.id}` : `* no longer linked with ${peer.id}`)
    )
  )
  yield* Effect.raceFirst(speak, Effect.all([listen, watch], { concurrency: "unbounded", discard: true }))
})
