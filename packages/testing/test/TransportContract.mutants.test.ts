/** A suite that cannot fail proves nothing: transports that break one promise each, and the case that must notice. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import type { Link, OutgoingFrame, Transport } from "@hyparview/runtime/Transport"
import { DialError, LinkClosed } from "@hyparview/runtime/Transport"
import { closingCases, silentCases } from "../src/internal/contract/closing.ts"
import { dialCases, hangingCases } from "../src/internal/contract/dials.ts"
import { frameCases } from "../src/internal/contract/frames.ts"
import type { HangingKit, Run, SilentKit } from "../src/internal/contract/kit.ts"
import { usualSettings } from "../src/internal/contract/kit.ts"
import { pressureCases } from "../src/internal/contract/pressure.ts"
import { memory } from "./memory.ts"

type Service = Transport["Service"]

interface Mutant {
  readonly breaks: string
  /** The beginning of the case that must fail. */
  readonly noticedBy: string
  readonly mutate: (transport: Service) => Run<Service>
}

const cases = [...frameCases, ...dialCases, ...hangingCases, ...closingCases, ...silentCases, ...pressureCases]

/** Every link of the transport, dialed or accepted, behaves differently. */
const links =
  (change: (link: Link) => Partial<Link>): Mutant["mutate"] =>
  (transport) => {
    const mutate = (link: Link): Link => ({ ...plain(link), ...change(link) })
    return Effect.succeed({
      ...transport,
      dial: (address) => Effect.map(transport.dial(address), mutate),
      accepted: Stream.map(transport.accepted, mutate)
    })
  }

/** A link's getters and methods as own properties. */
const plain = (link: Link): Link => ({
  remoteAddress: link.remoteAddress,
  authenticatedId: link.authenticatedId,
  send: link.send,
  receive: link.receive,
  close: link.close,
  closed: link.closed,
  bytes: link.bytes
})

const dials =
  (change: (dial: Service["dial"], address: string) => ReturnType<Service["dial"]>): Mutant["mutate"] =>
  (transport) =>
    Effect.succeed({ ...transport, dial: (address) => change(transport.dial, address) })

/** The links that others open, for whoever takes them. */
const accepting = (transport: Service) =>
  Effect.gen(function* () {
    const queue = yield* Queue.unbounded<Link>()
    yield* Effect.forkScoped(Stream.runForEach(transport.accepted, (link) => Queue.offer(queue, link)))
    return queue
  })

type Frames = ReadonlyArray<OutgoingFrame>

/** Every link has a `trySend`, made of its own. */
const trying = (change: (trySend: (frames: Frames) => boolean, frames: Frames) => boolean): Mutant["mutate"] =>
  links((link) => ({ trySend: (frames) => change((frames) => link.trySend?.(frames) ?? false, frames) }))

type TryReceive = NonNullable<Link["tryReceive"]>

/** And a `tryReceive`. */
const looking = (change: (tryReceive: TryReceive) => TryReceive): Mutant["mutate"] =>
  links((link) => ({ tryReceive: change((wake) => link.tryReceive?.(wake)) }))

const asClosed = (end: LinkClosed): LinkClosed =>
  end.reason === "reset" ? new LinkClosed({ reason: "closed", detail: end.detail }) : end

const sayingClosed = links((link) => ({
  send: (frames) => Effect.mapError(link.send(frames), asClosed),
  receive: Effect.mapError(link.receive, asClosed),
  closed: Effect.map(link.closed, asClosed)
}))

const mutants: ReadonlyArray<Mutant> = [
  {
    breaks: "reverses a batch",
    noticedBy: "many small frames",
    mutate: links((link) => ({ send: (frames) => link.send(frames.toReversed()) }))
  },
  {
    breaks: "loses one frame in a thousand",
    noticedBy: "many small frames",
    mutate: links((link) => ({ send: (frames) => link.send(frames.filter((_, index) => index % 1000 !== 999)) }))
  },
  {
    breaks: "sends chunks as frames",
    noticedBy: "the chunks of a frame",
    mutate: links((link) => ({
      send: (frames) => link.send(frames.flatMap((frame) => frame.map((chunk) => [chunk])))
    }))
  },
  {
    breaks: "sends only the first chunk",
    noticedBy: "one chunk may stand",
    mutate: links((link) => ({ send: (frames) => link.send(frames.map((frame) => frame.slice(0, 1))) }))
  },
  {
    breaks: "skips empty frames",
    noticedBy: "an empty frame",
    mutate: links((link) => ({
      send: (frames) => link.send(frames.filter((frame) => frame.some((chunk) => chunk.length > 0)))
    }))
  },
  {
    breaks: "cuts frames above the limit",
    noticedBy: "a frame one byte above",
    mutate: links((link) => ({
      send: (frames) => link.send(frames.map((frame) => frame.map((chunk) => chunk.subarray(0, 65_536))))
    }))
  },
  {
    breaks: "cuts frames at the limit",
    noticedBy: "a frame of exactly maxFrameBytes",
    mutate: links((link) => ({
      send: (frames) => link.send(frames.map((frame) => frame.map((chunk) => chunk.subarray(0, 65_535))))
    }))
  },
  {
    breaks: "counts nothing",
    noticedBy: "the byte counters",
    mutate: links(() => ({ bytes: { received: 0, sent: 0 } }))
  },
  {
    breaks: "loses what an interrupted receive had taken",
    noticedBy: "an interrupted receive",
    mutate: links((link) => ({ receive: Effect.tap(link.receive, () => Effect.sleep(20)) }))
  },
  {
    breaks: "gives no frames where it should wait for some",
    noticedBy: "a send of nothing",
    mutate: links((link) => {
      let times = 0
      return { receive: Effect.suspend(() => (times++ === 0 ? Effect.succeed([]) : link.receive)) }
    })
  },
  {
    breaks: "waits for more after the end",
    noticedBy: "after an orderly close receive",
    mutate: links((link) => ({ receive: Effect.catch(link.receive, () => Effect.never) }))
  },
  {
    breaks: "forgets what had arrived when the far end closes",
    noticedBy: "after an orderly close receive",
    mutate: links((link) => ({ receive: Effect.raceFirst(Effect.flatMap(link.closed, Effect.fail), link.receive) }))
  },
  {
    breaks: "aborts where it should flush",
    noticedBy: "close(flush) delivers every frame that send",
    mutate: links((link) => ({ close: () => link.close("abort") }))
  },
  {
    breaks: "does not abort",
    noticedBy: "close(abort) is seen",
    mutate: links((link) => ({ close: (mode) => (mode === "abort" ? Effect.void : link.close(mode)) }))
  },
  {
    breaks: "takes frames after the end",
    noticedBy: "a close ends every operation",
    mutate: links((link) => ({ send: (frames) => Effect.ignore(link.send(frames)) }))
  },
  {
    breaks: "tells nobody of the end",
    noticedBy: "closed tells every waiter",
    mutate: links(() => ({ closed: Effect.never }))
  },
  {
    breaks: "waits for ever to flush",
    noticedBy: "close(flush) to a silent far end",
    mutate: links((link) => ({ close: (mode) => (mode === "flush" ? Effect.never : link.close(mode)) }))
  },
  {
    breaks: "fails a send to a silent far end",
    noticedBy: "a far end that falls silent",
    mutate: links((link) => ({ send: () => Effect.flatMap(link.close("abort"), () => link.send([])) }))
  },
  {
    breaks: "reads without limit",
    noticedBy: "a reader that does not read stalls its sender",
    mutate: (transport) =>
      Effect.gen(function* () {
        const scope = yield* Effect.scope
        const pump = (link: Link) =>
          Effect.gen(function* () {
            const queue = yield* Queue.unbounded<ReadonlyArray<Uint8Array>, LinkClosed>()
            yield* link.receive.pipe(
              Effect.flatMap((frames) => Queue.offer(queue, frames)),
              Effect.forever,
              Effect.catch((error) => Queue.fail(queue, error)),
              Effect.forkIn(scope)
            )
            return { ...plain(link), receive: Queue.take(queue) }
          })
        return { ...transport, accepted: Stream.mapEffect(transport.accepted, pump) }
      })
  },
  {
    breaks: "sends on one link at a time",
    noticedBy: "a reader that does not read stalls no other link",
    mutate: (transport) =>
      Effect.flatMap(Semaphore.make(1), (semaphore) =>
        links((link) => ({ send: (frames) => semaphore.withPermits(1)(link.send(frames)) }))(transport)
      )
  },
  {
    breaks: "gives the same link for a second dial",
    noticedBy: "two dials to one address",
    mutate: (transport) =>
      Effect.sync(() => {
        const known = new Map<string, Link>()
        const dial: Service["dial"] = (address) => {
          const link = known.get(address)
          if (link !== undefined) return Effect.succeed(link)
          return Effect.tap(transport.dial(address), (dialed) => Effect.sync(() => known.set(address, dialed)))
        }
        return { ...transport, dial }
      })
  },
  {
    breaks: "calls a refusal unreachable",
    noticedBy: "a dial to an address where nobody listens",
    mutate: dials((dial, address) =>
      Effect.mapError(dial(address), () => new DialError({ address, reason: "unreachable", detail: "" }))
    )
  },
  {
    breaks: "looks for an address that is none",
    noticedBy: "a dial to what is no address",
    mutate: dials((dial, address) => dial(address === "" ? "nobody" : address))
  },
  {
    breaks: "never gives up a dial",
    noticedBy: "a dial without an answer fails",
    mutate: dials((dial, address) => Effect.catch(dial(address), () => Effect.never))
  },
  {
    breaks: "goes on dialing when interrupted",
    noticedBy: "a dial without an answer can be interrupted",
    mutate: dials((dial, address) => Effect.uninterruptible(dial(address)))
  },
  {
    breaks: "keeps the link of an interrupted dial",
    noticedBy: "interrupted dials leave nothing behind",
    mutate: (transport) =>
      Effect.map(Effect.scope, (scope) => ({
        ...transport,
        dial: (address) =>
          transport.dial(address).pipe(Scope.provide(scope), Effect.forkIn(scope), Effect.flatMap(Fiber.join))
      }))
  },
  {
    breaks: "keeps a link beyond the scope of its dial",
    noticedBy: "a dialed link is aborted with the scope",
    mutate: (transport) =>
      Effect.map(Effect.scope, (scope) => ({
        ...transport,
        dial: (address) => Scope.provide(transport.dial(address), scope)
      }))
  },
  {
    breaks: "accepts every link twice",
    noticedBy: "a dial is accepted once",
    mutate: (transport) =>
      Effect.succeed({ ...transport, accepted: Stream.flatMap(transport.accepted, (link) => Stream.make(link, link)) })
  },
  {
    breaks: "reverses a batch that trySend takes",
    noticedBy: "without fibers: many small frames",
    mutate: trying((take, frames) => take(frames.toReversed()))
  },
  {
    breaks: "takes the first frame of a batch in trySend and says that it took all",
    noticedBy: "without fibers: many small frames",
    mutate: trying((take, frames) => take(frames.slice(0, 1)))
  },
  {
    breaks: "takes the first frame of a batch in trySend and says that it took none",
    noticedBy: "without fibers: many small frames",
    mutate: trying((take, frames) => (frames.length > 1 ? take(frames.slice(0, 1)) && false : take(frames)))
  },
  {
    breaks: "gives a batch in tryReceive twice",
    noticedBy: "without fibers: an interrupted receive",
    mutate: links((link) => {
      let before: ReturnType<TryReceive>
      return {
        tryReceive: (wake) => {
          const again = before
          before = again === undefined ? link.tryReceive?.(wake) : undefined
          return again ?? before
        }
      }
    })
  },
  {
    breaks: "wakes nobody who has found nothing by tryReceive",
    noticedBy: "without fibers: frames arrive whole",
    mutate: looking((look) => () => look(() => {}))
  },
  {
    breaks: "wakes twice who has found nothing by tryReceive",
    noticedBy: "without fibers: an interrupted receive",
    mutate: looking(
      (look) => (wake) =>
        look(() => {
          wake()
          wake()
        })
    )
  },
  {
    breaks: "wakes for nothing who has found nothing by tryReceive",
    noticedBy: "without fibers: frames arrive whole",
    mutate: looking((look) => (wake) => {
      const received = look(() => {})
      if (received === undefined) queueMicrotask(wake)
      return received
    })
  },
  {
    breaks: "does not say by tryReceive that the link has ended",
    noticedBy: "without fibers: close(abort) is seen",
    mutate: looking((look) => (wake) => {
      const received = look(wake)
      return received instanceof LinkClosed ? undefined : received
    })
  },
  {
    breaks: "takes frames in trySend after the far end has aborted",
    noticedBy: "close(abort) is seen",
    mutate: trying((take, frames) => take(frames) || true)
  },
  {
    breaks: "says closed where the far end has aborted",
    noticedBy: "close(abort) is seen",
    mutate: sayingClosed
  },
  {
    breaks: "says closed where an abort has lost frames",
    noticedBy: "send fails with LinkClosed when this end closes",
    mutate: sayingClosed
  },
  {
    breaks: "gives all links that wait to whoever wants one",
    noticedBy: "the links that wait when a consumer of accepted goes",
    mutate: (transport) =>
      Effect.map(accepting(transport), (queue) => ({ ...transport, accepted: Stream.fromQueue(queue) }))
  },
  {
    breaks: "gives each link to one of its consumers",
    noticedBy: "a second consumer of accepted dies",
    mutate: (transport) =>
      Effect.map(accepting(transport), (queue) => ({
        ...transport,
        accepted: Stream.fromEffectRepeat(Queue.take(queue))
      }))
  }
]

/** How the case that begins so ends, on transports that behave so. */
const outcome = (noticedBy: string, mutate: Mutant["mutate"]) =>
  Effect.gen(function* () {
    const [one, ...more] = cases.filter(({ name }) => name.startsWith(noticedBy))
    if (one === undefined || more.length > 0) return assert.fail(`not one case begins with "${noticedBy}"`)
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(TestClock.adjust(10), Effect.yieldNow)))
    const settings = { ...usualSettings, ...one.settings }
    const world = yield* memory.world(settings)
    const kit: HangingKit & SilentKit = {
      settings,
      transport: Effect.flatMap(memory.transport(world), mutate),
      refusingAddress: memory.refusingAddress(world),
      invalidAddresses: memory.invalidAddresses,
      stallBytes: memory.stallBytes,
      hangingAddress: memory.hangingAddress?.(world) ?? Effect.die("no hanging address"),
      silentLink: (dialer) => memory.silentLink?.(world, dialer) ?? Effect.die("no silent link")
    }
    return yield* Effect.exit(Effect.scoped(one.run(kit)))
  })

describe("the transport contract notices a transport that", () => {
  for (const { breaks, mutate, noticedBy } of mutants) {
    it.effect(breaks, () =>
      Effect.map(outcome(noticedBy, mutate), (exit) => assert.isTrue(Exit.isFailure(exit), "the case passed"))
    )
  }
})

describe("the transport contract says", () => {
  it.effect("that a reader was woken from within trySend", () =>
    Effect.gen(function* () {
      const late = links((link) => {
        let due: (() => void) | undefined
        return {
          tryReceive: (wake) =>
            link.tryReceive?.(() => {
              due = wake
            }),
          trySend: (frames) => {
            due?.()
            due = undefined
            return link.trySend?.(frames) ?? false
          }
        }
      })
      const exit = yield* outcome("without fibers: frames arrive at an end that sends meanwhile", late)
      assert(Exit.isFailure(exit))
      assert.include(Cause.pretty(exit.cause), "tryReceive wakes from within trySend")
    })
  )

  it.effect("where a frame differs, and gives the test runner no frames to compare", () =>
    Effect.gen(function* () {
      const emptied = links((link) => ({
        send: (frames) => link.send(frames.map((frame) => frame.map(({ length }) => new Uint8Array(length))))
      }))
      const exit = yield* outcome("a frame of exactly maxFrameBytes", emptied)
      const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
      assert.include(error, { actual: 0, message: "byte 0 of 65536, frame 0 of 2: expected +0 to equal 1" })
    })
  )
})

describe("the transport contract passes a transport that", () => {
  it.effect("has a sound trySend, and a sound tryReceive", () =>
    Effect.gen(function* () {
      const sound = [trying((take, frames) => take(frames)), looking((look) => look)]
      for (const mutate of sound) {
        assert.isTrue(Exit.isSuccess(yield* outcome("without fibers: many small frames", mutate)))
      }
    })
  )
})
