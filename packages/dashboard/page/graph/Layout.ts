/** Where the nodes stand: keeps the worker going, and remembers every node's place, that of the dead included. */
import type { Picture } from "../model/Picture.ts"
import type { LayoutAnswer, LayoutRequest } from "./layoutMessages.ts"

export interface Place {
  readonly x: number
  readonly y: number
}

/** Rounds for a graph that is new, and for one in which links have changed. */
const roundsAtFirst = 500
const roundsAfterChange = 240

export interface Layout {
  /** Lays out the picture, from where its nodes stand. Who is dead stays where he was, and takes no part. */
  readonly arrange: (picture: Picture) => void
  readonly placeOf: (id: string) => Place | undefined
  readonly stop: () => void
}

const makeWorker = (): Worker => new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module" })

/** `onFailed`: the worker could not be loaded, or has ended; from then on nobody moves. */
export const makeLayout = (onMoved: (places: ReadonlyMap<string, Place>) => void, onFailed: () => void): Layout => {
  const worker = makeWorker()
  const places = new Map<string, Place>()
  let shown = ""
  let version = 0
  let order: ReadonlyArray<string> = []
  let arranged = ""

  let latest: LayoutAnswer | undefined
  let frame: number | undefined

  const move = (): void => {
    frame = undefined
    if (latest?.version !== version) return
    const { positions } = latest
    order.forEach((id, index) => {
      places.set(id, { x: positions[index * 2] ?? 0, y: positions[index * 2 + 1] ?? 0 })
    })
    onMoved(places)
  }

  worker.addEventListener("message", ({ data }: MessageEvent<LayoutAnswer>) => {
    if (data.version !== version) return
    latest = data
    // Where drawing takes long, positions that nobody would see are left out.
    if (frame === undefined) frame = requestAnimationFrame(move)
  })
  worker.addEventListener("error", onFailed)

  return {
    arrange: ({ links, nodes, of }) => {
      for (const id of places.keys()) if (of !== shown || !nodes.has(id)) places.delete(id)
      const present = [...nodes.values()].filter(({ state }) => state !== "dead" && state !== "left")
      const ids = present.map(({ id }) => id)
      // Most updates change no node and no link: then everybody stays where he is.
      const signature = JSON.stringify([of, ids, links.flatMap(({ a, b }) => [a, b])])
      if (signature === arranged) return
      shown = of
      arranged = signature
      order = ids
      version++
      const indexOf = new Map(ids.map((id, index) => [id, index]))
      const positions = new Float32Array(ids.length * 2).fill(Number.NaN)
      let known = 0
      ids.forEach((id, index) => {
        const place = places.get(id)
        if (place === undefined) return
        known++
        positions.set([place.x, place.y], index * 2)
      })
      const pairs = links.flatMap(({ a, b }) => {
        const [from, to] = [indexOf.get(a), indexOf.get(b)]
        return from === undefined || to === undefined ? [] : [from, to]
      })
      const request: LayoutRequest = {
        version,
        positions,
        links: Uint32Array.from(pairs),
        rounds: known * 2 < ids.length ? roundsAtFirst : roundsAfterChange
      }
      worker.postMessage(request, [request.positions.buffer, request.links.buffer])
    },
    placeOf: (id) => places.get(id),
    stop: () => {
      if (frame !== undefined) cancelAnimationFrame(frame)
      worker.terminate()
    }
  }
}
