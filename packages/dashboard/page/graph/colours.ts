/**
 * The colours of nodes. A ramp and a palette, each for a light and a dark page. On a light page the ramp grows lighter with
 * each step, so that it is read without seeing hue; whatever is drawn stands out from the page by 3 : 1 (WCAG 1.4.11).
 */

export interface Inks {
  /** From early to late, or from few to many. */
  readonly ramp: ReadonlyArray<string>
  /** For kinds that have no order. */
  readonly kinds: ReadonlyArray<string>
  readonly neutral: string
  readonly dead: string
  readonly alarm: string
  /** Of the same kind as `passive`, which are its links. */
  readonly selected: string
  readonly source: string
  /** Six digits: how transparent a link is depends on how many there are. */
  readonly link: string
  readonly linkNear: string
  readonly eager: string
  readonly passive: string
  readonly label: string
  readonly surface: string
}

const light: Inks = {
  ramp: ["#123f8c", "#1c5fd0", "#0b7c97", "#178a5c", "#728a14", "#b07d00", "#e0702a"],
  kinds: ["#1f6feb", "#c2570c", "#178a6a", "#8250df", "#b5317f", "#7a6a12", "#0e7490", "#a33a3a", "#4a5d8a", "#5a7d2a"],
  neutral: "#868f9c",
  dead: "#6b7583",
  alarm: "#d1372c",
  selected: "#8250df",
  source: "#1d2127",
  link: "#8d98aa",
  linkNear: "#1f6feba6",
  eager: "#1f6febc6",
  passive: "#8250dfbf",
  label: "#3a414b",
  surface: "#ffffff"
}

const dark: Inks = {
  ramp: ["#9fc1ff", "#5b9dff", "#31bfd3", "#46cf9a", "#b3d354", "#f4c451", "#f5925a"],
  kinds: ["#6aa6ff", "#f0a35e", "#4ccaa2", "#b794ff", "#f07fbd", "#d9c45a", "#56c7de", "#f08a84", "#9db2e0", "#a9cf72"],
  neutral: "#5a636f",
  dead: "#7f8895",
  alarm: "#ff7b6e",
  selected: "#b794ff",
  source: "#f4f6f8",
  link: "#8b98ab",
  linkNear: "#6aa6ffb3",
  eager: "#6aa6ffa6",
  passive: "#b794ffb3",
  label: "#c3cad4",
  surface: "#14171b"
}

export const inksOf = (isDark: boolean): Inks => (isDark ? dark : light)

const channel = (hex: string, at: number): number => Number.parseInt(hex.slice(at, at + 2), 16)

const mix = (a: string, b: string, share: number): string => {
  const parts = [1, 3, 5].map((at) => Math.round(channel(a, at) * (1 - share) + channel(b, at) * share))
  return `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`
}

/** A place on a ramp, 0 to 1. */
export const onRamp = (ramp: ReadonlyArray<string>, share: number): string => {
  const at = Math.min(Math.max(share, 0), 1) * (ramp.length - 1)
  const low = Math.floor(at)
  const from = ramp[low] ?? "#888888"
  return mix(from, ramp[Math.min(low + 1, ramp.length - 1)] ?? from, at - low)
}

export const ofKind = (kinds: ReadonlyArray<string>, index: number): string => kinds[index % kinds.length] ?? "#888888"

/** `#rrggbb` with an opacity from 0 to 1. */
export const withOpacity = (colour: string, opacity: number): string =>
  `${colour}${Math.round(opacity * 255)
    .toString(16)
    .padStart(2, "0")}`
