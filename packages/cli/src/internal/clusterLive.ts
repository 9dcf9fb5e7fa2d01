/** A cluster that stays up until it is told to stop, and shows itself meanwhile. */
import { type Overview, Supervisor } from "@hyparview/cluster"
import type { WorkerSilent } from "@hyparview/cluster/WorkerError"
import * as Server from "@hyparview/dashboard/Server"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import * as ExitCode from "../ExitCode.ts"
import { StopSignal } from "../StopSignal.ts"
import * as ClusterSource from "./clusterSource.ts"
import { type Header, line, screen, traffic } from "./clusterStatus.ts"
import { failed, failingWith } from "./failures.ts"
import { monotonicSeconds } from "./monotonic.ts"
import { many } from "./table.ts"

/** How often the nodes are asked. */
const every = "1 second"

/** Without a terminal, a line at least this often. */
const quietSeconds = 30

interface Display {
  readonly show: (header: Header, overview: Overview.Overview) => Effect.Effect<void>
  /** A line that stays. */
  readonly say: (text: string) => Effect.Effect<void>
}

/** Redraws the screen where it stands; lines that stay go above it. */
const makeScreen = Effect.map(Terminal.Terminal, (terminal): Display => {
  let drawn = 0
  const write = (text: string) => Effect.ignore(terminal.display(text))
  const erase = Effect.suspend(() => (drawn === 0 ? Effect.void : write(`\u001B[${drawn}A\u001B[0J`)))
  return {
    show: Effect.fnUntraced(function* (header, overview) {
      const lines = screen(header, overview, { columns: yield* terminal.columns, rows: yield* terminal.rows })
      yield* erase
      drawn = lines.length
      yield* write(`${lines.join("\n")}\n`)
    }),
    say: Effect.fnUntraced(function* (text) {
      yield* erase
      drawn = 0
      yield* write(`${text}\n`)
    })
  }
})

/** A line for each change, and now and then one without. */
const makeLines = (): Display => {
  let last = ""
  let lastSeconds = -Infinity
  return {
    show: (header, overview) => {
      const now = line(overview)
      if (now === last && header.upSeconds - lastSeconds < quietSeconds) return Effect.void
      last = now
      lastSeconds = header.upSeconds
      return Console.log(`${now}; ${traffic(overview)}`)
    },
    say: (text) => Console.log(text)
  }
}

/** Where the page is served, and what it says of the links. */
interface Page {
  readonly port: number
  /** What links the nodes, in words. */
  readonly transport: string
}

/** Serves the page for as long as the scope is open, and says where. */
const servePage = Effect.fnUntraced(function* ({ port, transport }: Page, display: Display) {
  const about = { cluster: "local", transport }
  const server = yield* Layer.build(Server.layer({ port }).pipe(Layer.provide(ClusterSource.layer(about)))).pipe(
    failingWith(ExitCode.notStarted)
  )
  yield* display.say(`dashboard ${Context.get(server, Server.Dashboard).urlWithToken}`)
})

const inWords = (event: Supervisor.SupervisorEvent): string => {
  switch (event._tag) {
    case "WorkerLost":
      return event.lost.message
    case "NodeStopped":
      return `${event.node} stopped: another process uses its id`
    case "WorkerWrote":
      return `[process ${event.process}] ${event.line}`
  }
}

/** Says which processes do not answer, each once, and that they do again. */
const makeSilence = (display: Display) => {
  let told = new Set<number>()
  return Effect.fnUntraced(function* (silent: ReadonlyArray<WorkerSilent>) {
    for (const { message, process } of silent) if (!told.has(process)) yield* display.say(message)
    const now = new Set(silent.map(({ process }) => process))
    for (const process of told.difference(now)) yield* display.say(`process ${process} answers again, or has ended`)
    told = now
  })
}

interface Options {
  /** The cluster, in words: how many nodes, and of what kind. */
  readonly cluster: string
  /** The dashboard's; undefined: none is served. */
  readonly page: Page | undefined
}

/** Starts, joins, shows, and at the signal leaves. */
export const live = Effect.fnUntraced(function* (options: Options) {
  const supervisor = yield* Supervisor.Supervisor
  const stopSignal = yield* StopSignal
  const { canAnimate } = yield* TerminalCapabilities
  const display = canAnimate ? yield* makeScreen : makeLines()
  const tell = yield* supervisor.events.pipe(
    Stream.runForEach((event) => display.say(inWords(event))),
    Effect.forkChild({ startImmediately: true })
  )

  const starting = Effect.gen(function* () {
    yield* display.say(`starting ${options.cluster}`)
    const nodes = yield* supervisor.start.pipe(failingWith(ExitCode.notStarted))
    const contact = nodes.find(({ id }) => id === "n1")?.address ?? "?"
    yield* display.say(`${many(nodes.length, "node")} listen; joining through ${contact}`)
    yield* supervisor.join.pipe(failingWith(ExitCode.failed))
    return contact
  })

  const watching = Effect.gen(function* () {
    const serving = options.page === undefined ? Effect.void : servePage(options.page, display)
    // The page may have to be built first, which takes some seconds.
    const [contact] = yield* Effect.all([starting, serving], { concurrency: 2 })
    const silence = makeSilence(display)
    const began = yield* monotonicSeconds
    while (true) {
      const housings = yield* supervisor.housings
      if (housings.length === 0) {
        return yield* failed("every process has ended")
      }
      // A process that was lost says so itself, and the others go on.
      const status = yield* Effect.result(supervisor.status({ passive: false }))
      const upSeconds = (yield* monotonicSeconds) - began
      if (status._tag === "Success") {
        const { nodes, overview, silent } = status.success
        yield* silence(silent)
        const running = nodes.filter(({ isRunning }) => isRunning).length
        yield* display.show({ nodes: running, processes: housings.length, contact, upSeconds }, overview)
      } else if (status.failure._tag === "WorkerSilent") yield* silence([status.failure])
      yield* Effect.sleep(every)
    }
  })

  const signal = yield* Effect.raceFirst(watching, stopSignal.wait)
  yield* display.say(`${signal}: leaving`)
  const leaving = (yield* supervisor.nodes).filter(({ isRunning }) => isRunning).length
  yield* supervisor.leave.pipe(failingWith(ExitCode.failed))
  yield* supervisor.stop
  yield* Fiber.interrupt(tell)
  yield* display.say(`${many(leaving, "node")} left`)
})
