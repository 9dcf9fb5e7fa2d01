/** The two ends of the layout's worker, without a thread: what the page asks, and what the worker's own module answers. */
import { vi } from "@effect/vitest"
import type { LayoutAnswer, LayoutRequest } from "../page/graph/layoutMessages.ts"

/** What the page holds of a worker: it answers only what a test has it answer. */
export class MadeUpWorker extends EventTarget {
  readonly asked: Array<LayoutRequest> = []
  isTerminated = false
  constructor() {
    super()
    workers.push(this)
  }
  postMessage(request: LayoutRequest): void {
    this.asked.push(request)
  }
  answer(version: number, positions: ReadonlyArray<number>, isDone = false): void {
    const data: LayoutAnswer = { version, positions: Float32Array.from(positions), isDone }
    this.dispatchEvent(new MessageEvent("message", { data }))
  }
  terminate(): void {
    this.isTerminated = true
  }
}

/** All that have been started since the page was, in order. */
export let workers: Array<MadeUpWorker> = []

/** A page that has workers and frames. Undone by `vi.unstubAllGlobals`. */
export const stubPage = () => {
  workers = []
  const frames = new Map<number, () => void>()
  let last = 0
  vi.stubGlobal("Worker", MadeUpWorker)
  vi.stubGlobal("requestAnimationFrame", (step: () => void) => {
    frames.set(++last, step)
    return last
  })
  vi.stubGlobal("cancelAnimationFrame", (frame: number) => void frames.delete(frame))
  const nextFrame = (): void => {
    const due = [...frames.values()]
    frames.clear()
    for (const step of due) step()
  }
  return { frames, nextFrame }
}

/** The worker's own module, afresh, from within: what it is asked, and what it has answered. Runs on fake timers. */
export const loadWorker = async () => {
  const inside = new EventTarget()
  const answers: Array<LayoutAnswer> = []
  vi.stubGlobal("addEventListener", inside.addEventListener.bind(inside))
  vi.stubGlobal("postMessage", (answer: LayoutAnswer) => void answers.push(answer))
  vi.resetModules()
  await import("../page/graph/layout.worker.ts")
  const ask = (request: LayoutRequest): void =>
    void inside.dispatchEvent(new MessageEvent("message", { data: request }))
  return { answers, ask }
}
