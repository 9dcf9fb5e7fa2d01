/**
 * Whether this Node.js is one on which the command runs. npm only warns of one that is too old, and the command would fail at
 * whatever that one lacks first. What it may lack is imported with its module and not by name, for a name that is not there
 * ends the process before anything is looked at.
 */

const numbersIn = (text: string): ReadonlyArray<number> => (text.match(/\d+/g) ?? []).slice(0, 3).map(Number)

/** What is wrong with a version, if it is below a range `>=A.B.C`. */
export const tooOld = (version: string, range: string): string | undefined => {
  const wanted = numbersIn(range)
  const own = numbersIn(version)
  const differing = wanted.findIndex((number, index) => number !== own[index])
  if (differing < 0 || (own[differing] ?? 0) > (wanted[differing] ?? 0)) return undefined
  return `hyparview needs Node.js ${wanted.join(".")} or newer; this is ${own.join(".")}`
}
