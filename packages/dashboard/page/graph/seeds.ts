/** Where nodes begin: a sunflower's seeds, even, and the same each time. */
export const seedPosition = (index: number, count: number, radius: number): readonly [number, number] => {
  const angle = index * Math.PI * (3 - Math.sqrt(5))
  const distance = radius * Math.sqrt((index + 0.5) / Math.max(1, count))
  return [Math.cos(angle) * distance, Math.sin(angle) * distance]
}
