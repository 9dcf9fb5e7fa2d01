/**
 * Hostile frames against a live node's socket. The node runs over TCP beside a friend, with whom it keeps a link the whole
 * time; strangers connect, say Hello or something like it, and then send frames that are wrong in every way. The node must
 * live, keep its friend, hand on what the friend publishes, and hold nothing back of the strangers.
 */
import { Random } from "@hyparview/core"
import { Transition } from "@hyparview/faults"
import { Broadcast, Discovery, Membership, Node } from "@hyparview/runtime"
import { TcpTransport } from "@hyparview/transport-tcp"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { connect } from "node:net"
import { hostileFrame, strangersHello } from "./FrameDraw.ts"

const cluster = "fuzzed"

/** Frames over one connection, as far as the node puts up with them. */
const framesPerConnection = 20

/** A node that has been sent the end of a connection lets go of it within this. */
const patienceMillis = 20_000

export interface Fuzzer {
  /** Sends the node so many frames of a seed; what went wrong meanwhile. */
  readonly fuzz: (seed: number, frames: number) => Effect.Effect<ReadonlyArray<string>>
  /** Whether the node has come through it. */
  readonly verdict: Effect.Effect<ReadonlyArray<string>>
  readonly counts: { readonly connections: number; readonly frames: number }
}

/** A node over TCP on a free port of this machine. */
const start = (id: string, observe?: Node.Observe) =>
  Layer.build(
    Node.layer({
      id,
      cluster,
      clusterSize: 100,
      leaveOnClose: false,
      ...(observe === undefined ? {} : { observe })
    }).pipe(
      Layer.provideMerge(TcpTransport.layer({ host: "127.0.0.1", port: 0 })),
      Layer.provide(Discovery.Discovery.layerNone)
    )
  ).pipe(Effect.provideService(References.MinimumLogLevel, "None"), Effect.orDie)

const lengthOf = (frame: Uint8Array, random: Random.Random): Uint8Array => {
  const prefix = new Uint8Array(4)
  // One in forty is announced wrongly: too long, too short, or beyond every limit.
  const isWrong = Random.nextBelow(random, 40) === 0
  const length = isWrong ? Random.nextBelow(random, 4_294_967_296) >>> Random.nextBelow(random, 32) : frame.length
  new DataView(prefix.buffer).setUint32(0, length)
  return prefix
}

/** One connection; how many frames it wrote, and what is wrong with how it ended. */
const assault = (port: number, chunks: ReadonlyArray<Uint8Array>): Effect.Effect<string | undefined> =>
  Effect.callback<string | undefined>((resume) => {
    const socket = connect({ host: "127.0.0.1", port })
    const over = (fault: string | undefined): void => {
      clearTimeout(patience)
      socket.destroy()
      resume(Effect.succeed(fault))
    }
    const patience = setTimeout(() => over("the node holds on to a connection that has ended"), patienceMillis)
    socket.on("connect", () => {
      for (const chunk of chunks) socket.write(chunk)
      socket.end()
    })
    // The node may well reset what it does not want to hear.
    socket.on("error", (error: NodeJS.ErrnoException) =>
      over(error.code === "ECONNREFUSED" ? "the node does not listen any more" : undefined)
    )
    socket.on("close", () => over(undefined))
    // What it answers is not looked at, but must be drained.
    socket.resume()
    return Effect.sync(() => over(undefined))
  })

const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(":") + 1))

const make: Effect.Effect<Fuzzer, never, Scope.Scope> = Effect.gen(function* () {
  const faults: Array<string> = []
  const observe: Node.Observe = (before, input, { outputs, state }) => {
    const wrong = Transition.changeFaults(before.membership, input.now, { state: state.membership, outputs })
    for (const fault of wrong) faults.push(`the fuzzed node: ${fault}`)
    for (const output of outputs) {
      if (output._tag === "NeighborDown" && output.peer.id === "friend") {
        faults.push(`the fuzzed node lost its friend: ${output.reason}`)
      }
    }
  }
  const victim = yield* start("victim", observe)
  const friend = yield* start("friend")
  const membership = Context.get(victim, Membership.Membership)
  const befriended = Context.get(friend, Membership.Membership)
  yield* Effect.orDie(befriended.join([]))
  const { address } = yield* befriended.self
  yield* Effect.orDie(membership.join([address]))
  yield* Effect.orDie(membership.awaitNeighbors(1))
  const port = portOf((yield* membership.self).address)

  const heard = new Set<number>()
  yield* Context.get(victim, Broadcast.Broadcast)
    .subscribe("news")
    .pipe(
      Stream.runForEach((delivery) =>
        Effect.sync(() => {
          if (delivery._tag === "Message" && delivery.id.source === "friend") heard.add(delivery.id.sequence)
        })
      ),
      Effect.forkScoped({ startImmediately: true })
    )
  const counts = { connections: 0, frames: 0 }

  const fuzz: Fuzzer["fuzz"] = Effect.fnUntraced(function* (seed, frames) {
    const random = Random.seededFor(seed, 1)
    const found: Array<string> = []
    for (let sent = 0; sent < frames;) {
      const chunks: Array<Uint8Array> = []
      const greeting = strangersHello(cluster, `stranger-${Random.nextBelow(random, 50)}`)
      if (Random.nextBelow(random, 4) > 0) chunks.push(lengthOf(greeting, random), greeting)
      for (let count = Random.nextBelow(random, framesPerConnection); count >= 0 && sent < frames; count--, sent++) {
        const { frame } = hostileFrame(random)
        chunks.push(lengthOf(frame, random), frame)
      }
      counts.connections++
      const fault = yield* assault(port, chunks)
      if (fault !== undefined) found.push(`seed ${seed}, connection ${counts.connections}: ${fault}`)
      if (found.length > 5) break
    }
    counts.frames += frames
    return found
  })

  const verdict = Effect.gen(function* () {
    const id = yield* Effect.orDie(Context.get(friend, Broadcast.Broadcast).publish("news", new Uint8Array(10)))
    yield* Effect.sleep("2 seconds")
    const view = yield* membership.view
    const wrong = [...faults]
    if (!heard.has(id.sequence)) wrong.push("the fuzzed node does not hear its friend any more")
    if (!view.active.some(({ peer }) => peer.id === "friend")) wrong.push("the fuzzed node has lost its friend")
    if (view.status !== "joined") wrong.push(`the fuzzed node is ${view.status}`)
    return wrong
  })
  return { fuzz, verdict, counts }
})

/** A live node and its friend, for the life of the scope. */
export const Live = { make }
