/**
 * The harness of golden scripts over the bare core, and the commands that it alone knows:
 *
 * | command | |
 * |---|---|
 * | `line A B …` | starts nodes that each hold the one before; what their joins set off is lost |
 * | `hint A B …` | A hears, from each B itself, that it exists: a direct shuffle, whose reply is lost |
 * | `deliver A>B …` | the next thing under way from A to B arrives now: a message, a link's end, the answer to a dial; `discovery>B` |
 * | `deliver all` | everything arrives now, in order, and what comes of it, until nothing is under way |
 * | `drop A>B …`, `duplicate A>B …` | it never arrives, and nobody is told; it arrives twice |
 * | `wire` | what is under way |
 * | `tick NODE [TIMER]` | the timer fires now; `Cycle` unless named |
 * | `cut A B` | the link between them breaks, and both know at once |
 * | `partition A … / B …`, `heal` | the groups cannot reach each other; they can again |
 * | `freeze NODE`, `thaw NODE` | a process is stopped, and goes on |
 * | `cost A B N` | what a link between them costs, for X-BOT; 1 unless this says so |
 * | `discovery [NODE …]` | whom Discovery knows from now on |
 * | `start NODE epoch=E [CONTACT …]` | starts a node with an epoch of its own |
 * | `conflict NODE EPOCH` | a peer's Hello says that it knows the node in this epoch |
 * | `state NODE …` | what they hold beyond their views: requests, graves, suspects |
 * | `trace on`, `off`, `timers`, `NODE …` | whether what happens is printed, and that timers are set; or only at these nodes |
 */
import type { Command, Delivery, Harness, Setup, Views } from "@hyparview/testing/Golden"
import { noSample } from "@hyparview/core/Peer"
import { showNodes } from "@hyparview/testing/Golden"
import * as Effect from "effect/Effect"
import { sayFlight, sayInput, sayOutput } from "./words.ts"
import { addressOf, type Flight, World } from "./World.ts"

/** More than any story needs; a world that is never quiet would deliver for ever. */
const mostDeliveries = 10_000

/** Of which nodes it is told what happens, and whether timers are mentioned. */
interface Tracing {
  readonly nodes: "all" | ReadonlyArray<number>
  readonly timers: boolean
}

const timerKinds = ["Cycle", "Heartbeat", "Request", "Repair", "Discovery"] as const

export class CoreHarness implements Harness {
  private world: World | undefined
  private tracing: Tracing = { nodes: "all", timers: false }
  private readonly costs = new Map<string, number>()
  private lines: Array<string> = []
  private delivered: Array<Delivery> = []

  readonly create = (setup: Setup) => Effect.sync(() => this.make(setup))

  readonly join = (node: number, contacts: ReadonlyArray<number>) => this.act((world) => world.start(node, contacts))

  readonly restart = this.join

  readonly kill = (node: number) => this.act((world) => world.kill(node))

  readonly leave = (node: number) => this.act((world) => world.leave(node))

  readonly publish = (node: number, text: string) => this.act((world) => world.publish(node, text))

  readonly advance = (millis: number) => this.act((world) => world.advance(millis))

  readonly views = this.act((world): ReadonlyArray<Views> =>
    world.nodes.map(([node, state]) => ({
      node,
      up: state?.membership.status === "joining" || state?.membership.status === "joined",
      active: state?.membership.active.map(({ peer }) => peer.id) ?? [],
      passive: state?.membership.passive.ids ?? []
    }))
  )

  readonly deliveries = Effect.sync(() => this.delivered.splice(0))

  readonly trace = Effect.sync(() => this.lines.splice(0))

  readonly own = (command: Command) =>
    Effect.suspend(() => {
      const { world } = this
      const result = world === undefined ? "there is no world" : this.perform(world, command)
      return typeof result === "string" ? Effect.fail(result) : Effect.succeed(result)
    })

  private act<T>(use: (world: World) => T): Effect.Effect<T, string> {
    return Effect.suspend(() =>
      this.world === undefined ? Effect.fail("there is no world") : Effect.succeed(use(this.world))
    )
  }

  private make(setup: Setup): void {
    const world = new World(setup)
    this.world = world
    world.costOf = (a, b) => this.costs.get(pairOf(a, b)) ?? 1
    world.observer = (id, input, outputs, now) => {
      for (const output of outputs) {
        if (output._tag !== "Delivered") continue
        this.delivered.push({ node: id, source: output.id.source, text: new TextDecoder().decode(output.payload) })
      }
      const { nodes, timers } = this.tracing
      if (nodes !== "all" && !nodes.includes(id)) return
      const said = outputs.flatMap((output) => sayOutput(output, now, timers) ?? [])
      // A timer that does nothing is no event worth a line.
      if (said.length === 0 && input._tag === "TimerFired") return
      this.lines.push(sayInput(id, input), ...said.map((line) => `    ${line}`))
    }
  }

  /** What a command prints; a string says what is wrong with it. */
  private perform(world: World, { args, name }: Command): ReadonlyArray<string> | string {
    const [first = ""] = args
    const node = Number(first)
    switch (name) {
      case "line":
        return this.silently(() => line(world, args.map(Number)))
      case "hint":
        return this.silently(() => hint(world, args.map(Number)))
      case "deliver":
        if (first === "all") return this.deliverAll(world)
        return each(args, (pair) => underWay(world, pair, (flight) => world.land(flight)))
      case "drop":
        return each(args, (pair) => underWay(world, pair, (flight) => world.drop(flight)))
      case "duplicate":
        return each(args, (pair) => underWay(world, pair, (flight) => world.duplicate(flight)))
      case "wire":
        return [...world.flights].sort((a, b) => a.at - b.at || a.order - b.order).map(sayFlight)
      case "tick": {
        const kind = timerKinds.find((kind) => kind === (args[1] ?? "Cycle"))
        if (kind === undefined) return `there is no timer ${args[1]}`
        return world.fire(node, kind) ? [] : `${node} has set no ${kind} timer`
      }
      case "cut":
        world.cut(node, Number(args[1]))
        return []
      case "partition":
        world.partition(args.join(" ").split("/").map(idsIn))
        return []
      case "heal":
        world.partition([])
        return []
      case "freeze":
      case "thaw":
        world.freeze(node, name === "freeze")
        return []
      case "cost":
        this.costs.set(pairOf(node, Number(args[1])), Number(args[2]))
        return []
      case "discovery":
        world.discovery = args.map(Number).map(addressOf)
        return []
      case "start": {
        const epoch = Number(/^epoch=(\d+)$/.exec(args[1] ?? "")?.[1])
        if (!Number.isInteger(epoch)) return "start NODE epoch=E [CONTACT …]"
        world.start(node, args.slice(2).map(Number), epoch)
        return []
      }
      case "conflict":
        world.conflict(node, Number(args[1]))
        return []
      case "state":
        return args.flatMap((id) => showState(world, Number(id)))
      case "trace": {
        this.tracing =
          first === "off"
            ? { nodes: [], timers: false }
            : first === "on" || first === "timers"
              ? { nodes: "all", timers: first === "timers" }
              : { ...this.tracing, nodes: args.map(Number) }
        return []
      }
      default:
        return `unknown command: ${name}`
    }
  }

  /** Nothing that happens meanwhile is printed. */
  private silently(act: () => void): ReadonlyArray<string> {
    const { tracing } = this
    this.tracing = { nodes: [], timers: false }
    act()
    this.tracing = tracing
    return []
  }

  private deliverAll(world: World): ReadonlyArray<string> | string {
    for (let count = 0; count < mostDeliveries; count++) {
      const flight = world.nextFlight()
      if (flight === undefined) return []
      world.land(flight)
    }
    return `after ${mostDeliveries} deliveries something is still under way`
  }
}

const line = (world: World, ids: ReadonlyArray<number>): void => {
  ids.forEach((id, index) => {
    const before = ids[index - 1]
    if (world.stateOf(id) !== undefined) return
    world.start(id, before === undefined ? [] : [before])
    if (before === undefined) return
    // The dial, the Join and its acceptance; then the walks are lost.
    for (const [from, to] of [
      [id, before],
      [id, before],
      [before, id]
    ] as const) {
      const flight = world.nextFlight(from, to)
      if (flight !== undefined) world.land(flight)
    }
  })
  for (const flight of world.flights) world.drop(flight)
}

const hint = (world: World, [id = 0, ...others]: ReadonlyArray<number>): void => {
  const known = new Set(world.flights)
  for (const other of others) {
    const from = { id: other, epoch: 1, address: addressOf(other) }
    const message = { _tag: "Shuffle", link: undefined, requestId: 0, origin: from, ttl: 1, sample: noSample } as const
    world.hear(id, from, message)
  }
  for (const flight of world.flights) {
    const { what } = flight
    if (!known.has(flight) && what._tag === "Message" && what.message._tag === "ShuffleReply") world.drop(flight)
  }
}

const pairOf = (a: number, b: number): string => `${Math.min(a, b)}–${Math.max(a, b)}`

const idsIn = (text: string): ReadonlyArray<number> => text.trim().split(/\s+/).map(Number)

/** Does something for each argument, until one is wrong. */
const each = (
  args: ReadonlyArray<string>,
  act: (arg: string) => string | undefined
): ReadonlyArray<string> | string => {
  for (const arg of args) {
    const wrong = act(arg)
    if (wrong !== undefined) return wrong
  }
  return []
}

const underWay = (world: World, pair: string, act: (flight: Flight) => void): string | undefined => {
  const [from, to] = pair.split(">").map((name) => (name === "discovery" ? 0 : Number(name)))
  const flight = world.nextFlight(from, to)
  if (flight === undefined) return `nothing is under way from ${from} to ${to}`
  act(flight)
  return undefined
}

const showState = (world: World, id: number): ReadonlyArray<string> => {
  const state = world.stateOf(id)?.membership
  if (state === undefined) return [`${id}  down`]
  const asking = state.pending.map(({ peer, reason, requestId }) => `${peer.id} (#${requestId} ${reason})`)
  const parts = [
    ["epoch", `${state.self.epoch}`],
    ["asking", asking.length === 0 ? "-" : asking.join(" ")],
    ["graveyard", showNodes(state.memory.graveyard.ids)],
    ["suspects", showNodes(state.memory.suspects)],
    ["left", showNodes(state.memory.departed.map((gone) => gone.id))]
  ]
  return [`${id}  ${parts.map(([name, value]) => `${name} ${value}`).join("  ")}`]
}
