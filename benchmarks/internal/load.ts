/**
 * Messages published into a mesh, and what became of each: the same for every implementation, on one clock. A message
 * counts once every node but its publisher has been handed it.
 *
 * A payload begins with the message's number, four bytes; the rest is the same in all.
 */
import { type Mesh, publisherAt } from "./mesh.ts"

/** How long a message may take before it is given up. */
const patienceMillis = 60_000

/** How many messages are under way at any time when throughput is measured. */
const window = 64

/** Fewer are no measure: the last of a batch may have to wait for a heartbeat. */
const leastMessages = 16

/** A publisher that was refused tries again so much later. */
const retryMillis = 5

interface Open {
  readonly publisher: number
  readonly publishedAt: number
  readonly received: Uint8Array
  remaining: number
  readonly complete: () => void
}

export interface Throughput {
  readonly messages: number
  readonly perSecond: number
  /** By the CPU time of the process, which is that of all nodes. */
  readonly perCpuSecond: number
}

export interface Rate {
  readonly messages: number
  readonly bytes: number
  readonly perSecond: number
  readonly publishers: number
}

export interface Latency {
  readonly p50Millis: number
  readonly p99Millis: number
}

const sleep = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

const cpuMillisNow = (): number => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1_000
}

const quantile = (sorted: ReadonlyArray<number>, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN

export class Load {
  readonly #nodes: number
  readonly #open = new Map<number, Open>()
  #mesh: Mesh | undefined
  #next = 0
  #latencies: Array<number> | undefined
  /** Messages that did not reach everybody in time. */
  lost = 0
  /** Handed twice to the same application, which neither side may do. */
  repeated = 0
  refused = 0

  constructor(nodes: number) {
    this.#nodes = nodes
  }

  set mesh(mesh: Mesh) {
    this.#mesh = mesh
  }

  readonly onMessage = (node: number, payload: Uint8Array): void => {
    const number = new DataView(payload.buffer, payload.byteOffset).getUint32(0)
    const open = this.#open.get(number)
    if (open === undefined || node === open.publisher) return
    if (open.received[node] === 1) {
      this.repeated++
      return
    }
    open.received[node] = 1
    this.#latencies?.push(performance.now() - open.publishedAt)
    if (--open.remaining > 0) return
    this.#open.delete(number)
    open.complete()
  }

  /** Publishes and, once it has reached everybody, calls back; gives the message's number. */
  #publish(publisher: number, bytes: number, complete: () => void): number {
    const number = this.#next++
    const payload = new Uint8Array(bytes).fill(7)
    new DataView(payload.buffer).setUint32(0, number)
    this.#open.set(number, {
      publisher,
      publishedAt: performance.now(),
      received: new Uint8Array(this.#nodes),
      remaining: this.#nodes - 1,
      complete
    })
    this.#offer(publisher, payload)
    return number
  }

  #offer(publisher: number, payload: Uint8Array): void {
    this.#mesh?.publish(publisher, payload, () => {
      this.refused++
      setTimeout(() => this.#offer(publisher, payload), retryMillis)
    })
  }

  /**
   * Publishes until one message has reached everybody; gives the milliseconds since `begin`. Each attempt comes a quarter
   * of the time so far after the last, so that a slow start is not slowed down by them.
   */
  async firstComplete(begin: number): Promise<number> {
    const { promise, reject, resolve } = Promise.withResolvers<number>()
    let timer: NodeJS.Timeout | undefined
    const attempt = (): void => {
      const elapsed = performance.now() - begin
      if (elapsed > 2 * patienceMillis) return reject(new Error("no message has reached everybody"))
      this.#publish(0, 64, () => resolve(performance.now() - begin))
      timer = setTimeout(attempt, Math.max(20, elapsed / 4))
    }
    attempt()
    const millis = await promise
    clearTimeout(timer)
    this.#open.clear()
    return millis
  }

  /** Small batches that do not count, until so much CPU time is spent. */
  async warmUp(cpuMillis: number): Promise<void> {
    const end = cpuMillisNow() + cpuMillis
    while (cpuMillisNow() < end) await this.#batch(8, 64, 1)
  }

  /** Waits until the nodes' counters are current: each hands them over at most once a second, and only when awake. */
  async settle(): Promise<void> {
    await sleep(1_100)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#publish(0, 64, resolve)
    await this.#patiently(promise)
    await sleep(50)
  }

  /** So many messages, of which a bounded number is under way at any time. */
  async #batch(messages: number, bytes: number, publishers: number): Promise<Throughput> {
    const { promise, resolve } = Promise.withResolvers<void>()
    let published = 0
    let completed = 0
    let planned = false
    const refill = (): void => {
      planned = false
      while (published < messages && published - completed < window) {
        this.#publish(publisherAt(published++, publishers, this.#nodes), bytes, onComplete)
      }
    }
    const onComplete = (): void => {
      completed++
      if (completed === messages) return resolve()
      if (planned) return
      planned = true
      setImmediate(refill)
    }
    const cpuBegin = cpuMillisNow()
    const begin = performance.now()
    refill()
    await this.#patiently(promise)
    const perSecond = (1_000 * completed) / (performance.now() - begin)
    return { messages: completed, perSecond, perCpuSecond: (1_000 * completed) / (cpuMillisNow() - cpuBegin) }
  }

  /**
   * Batches, until one takes `leastMillis` of CPU time and has enough messages after `warmUpMillis` of them, or takes four
   * times as long; larger ones until one is large enough. Those before it warm up; at the end of each nothing is under
   * way. By CPU time, because a process that shares its machine may get little of it in a second.
   *
   * What is compiled depends on the load: after small batches the first large one costs three times as much a message as
   * the later ones. So it may not be that one that counts, long as it takes for that very reason.
   */
  async throughput(
    bytes: number,
    publishers: number,
    { leastMillis, warmUpMillis }: { readonly leastMillis: number; readonly warmUpMillis: number }
  ): Promise<Throughput> {
    let messages = 4
    let spentMillis = 0
    while (true) {
      const throughput = await this.#batch(messages, bytes, publishers)
      const { messages: completed, perCpuSecond } = throughput
      const tookMillis = (1_000 * completed) / perCpuSecond
      const isLarge = tookMillis >= leastMillis && completed >= leastMessages
      if ((isLarge && spentMillis >= warmUpMillis) || tookMillis >= 4 * leastMillis) return throughput
      spentMillis += tookMillis
      if (isLarge) continue
      const wanted = Math.ceil((1.2 * leastMillis * perCpuSecond) / 1_000)
      messages = Math.max(2 * messages, Math.min(8 * messages, wanted))
    }
  }

  /** Messages at a fixed rate, from publishers in turn; how long each took to each node. */
  async latency({ bytes, messages, perSecond, publishers }: Rate): Promise<Latency> {
    const latencies: Array<number> = []
    this.#latencies = latencies
    const ends: Array<Promise<void>> = []
    const begin = performance.now()
    for (let index = 0; index < messages; index++) {
      await sleep(Math.max(0, begin + (1_000 * index) / perSecond - performance.now()))
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#publish(publisherAt(index, publishers, this.#nodes), bytes, resolve)
      ends.push(promise)
    }
    await this.#patiently(Promise.all(ends))
    // Copies that come late count as bytes too.
    await sleep(200)
    this.#latencies = undefined
    latencies.sort((a, b) => a - b)
    return { p50Millis: quantile(latencies, 0.5), p99Millis: quantile(latencies, 0.99) }
  }

  async #patiently(promise: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patienceMillis)
    })
    await Promise.race([promise, patience])
    clearTimeout(timer)
    this.lost += this.#open.size
    this.#open.clear()
  }
}
