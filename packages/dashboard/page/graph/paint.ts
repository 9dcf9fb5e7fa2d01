/** How each node and link looks, from the picture and from what the user has chosen. Pure. */
import type { Arrival, Picture, PictureLink, PictureNode } from "../model/Picture.ts"
import type { ColourBy } from "../model/state.ts"
import { type Inks, ofKind, onRamp, withOpacity } from "./colours.ts"

export interface Choice {
  readonly colourBy: ColourBy
  readonly selected: string | undefined
  /** Milliseconds of the message's way that have been shown; infinite when all of it has. */
  readonly waveMillis: number
}

export interface NodePaint {
  readonly color: string
  readonly size: number
  /** Around the node; transparent where there is none. */
  readonly ring: string
  readonly zIndex: number
}

export interface LinkPaint {
  readonly color: string
  readonly size: number
}

const none = "#00000000"

/** The far ends of the ramp. */
export interface Scale {
  readonly hops: number
  readonly millis: number
  readonly degree: number
}

export const scaleOf = ({ arrivals, nodes }: Picture): Scale => {
  let hops = 1
  let millis = 1
  for (const arrival of arrivals.values()) {
    hops = Math.max(hops, arrival.hops)
    millis = Math.max(millis, arrival.millis ?? 0)
  }
  let degree = 1
  for (const node of nodes.values()) degree = Math.max(degree, node.degree)
  return { hops, millis, degree }
}

/** Larger where there are few. */
export const nodeSize = (count: number): number => Math.min(9, Math.max(2.6, 66 / Math.sqrt(Math.max(1, count))))

const hasArrived = (arrival: Arrival | undefined, { hops, millis }: Scale, { waveMillis }: Choice): boolean =>
  arrival !== undefined && (arrival.millis ?? (arrival.hops / hops) * millis) <= waveMillis

const colourOf = (node: PictureNode, picture: Picture, scale: Scale, choice: Choice, inks: Inks): string => {
  switch (choice.colourBy) {
    case "hops":
    case "arrival": {
      const arrival = picture.arrivals.get(node.id)
      if (arrival === undefined || !hasArrived(arrival, scale, choice)) return inks.neutral
      const share =
        choice.colourBy === "hops" || arrival.millis === undefined
          ? arrival.hops / scale.hops
          : arrival.millis / scale.millis
      return onRamp(inks.ramp, share)
    }
    case "component":
      return ofKind(inks.kinds, Math.max(0, node.component))
    case "process":
      return node.process === null ? inks.neutral : ofKind(inks.kinds, node.process)
    case "degree":
      return onRamp(inks.ramp, node.degree / scale.degree)
  }
}

/** Who publishes matters where one sees how a message spread. */
export const isSourceMarked = ({ source }: Picture, colourBy: ColourBy): boolean =>
  source !== undefined && (colourBy === "hops" || colourBy === "arrival")

export const paintNode = (node: PictureNode, picture: Picture, scale: Scale, choice: Choice, inks: Inks): NodePaint => {
  const isSelected = node.id === choice.selected
  const size = nodeSize(picture.nodes.size)
  if (node.state === "dead" || node.state === "left") {
    // Hollow: a ring of what was.
    return { color: inks.surface, size: size * 0.85, ring: isSelected ? inks.selected : inks.dead, zIndex: 0 }
  }
  const color = colourOf(node, picture, scale, choice, inks)
  const isSource = node.id === picture.source && isSourceMarked(picture, choice.colourBy)
  const ring = isSelected
    ? inks.selected
    : node.state === "isolated"
      ? inks.alarm
      : isSource
        ? inks.source
        : node.state === "joining"
          ? inks.dead
          : none
  return { color, size: isSelected || isSource ? size * 1.45 : size, ring, zIndex: isSelected ? 2 : 1 }
}

export const paintLink = (link: PictureLink, count: number, { selected }: Choice, inks: Inks): LinkPaint => {
  const thin = Math.min(1.5, Math.max(0.55, 22 / Math.sqrt(Math.max(1, count))))
  if (selected !== undefined && (link.a === selected || link.b === selected)) {
    return { color: inks.linkNear, size: thin * 2 }
  }
  if (link.isEager && selected === undefined) return { color: inks.eager, size: thin * 1.6 }
  const opacity = Math.min(0.5, Math.max(0.1, 4.2 / Math.sqrt(Math.max(1, count))))
  return { color: withOpacity(inks.link, selected === undefined ? opacity : opacity * 0.45), size: thin }
}
