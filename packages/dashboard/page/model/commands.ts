/** What buttons and keys do to the cluster: the same command behind both, asked back where it destroys. */
import type { SeenNode } from "../../src/ClusterSource.ts"
import { isRunning } from "../../src/Overlay.ts"
import { many } from "../../src/Story.ts"
import { question } from "./question.ts"
import { seenNodes, token } from "./session.ts"
import { perform, result, selected, tell } from "./state.ts"

const nodes = (): ReadonlyArray<SeenNode> => [...(seenNodes.value?.values() ?? [])]

export const running = (): ReadonlyArray<string> =>
  nodes()
    .filter(isRunning)
    .map(({ id }) => id)

export const dead = (): ReadonlyArray<string> =>
  nodes()
    .filter(({ status }) => status === "dead")
    .map(({ id }) => id)

/** Whether anything can be done at all; says why not. */
const mayAct = (): boolean => {
  if (result.value !== undefined) tell("This is a simulator's result. Close it to act on the live cluster.", true)
  else if (token.value === undefined) {
    tell("To act, open the address that the command has printed: it holds this start's token.", true)
  } else return true
  return false
}

const any = (ids: ReadonlyArray<string>): string | undefined => ids[Math.floor(Math.random() * ids.length)]

export const publish = (from = selected.value): void => {
  if (!mayAct()) return
  const alive = running()
  const node = from !== undefined && alive.includes(from) ? from : any(alive)
  if (node === undefined) tell("No node is running: restart some first.", true)
  else void perform({ _tag: "Publish", node, text: `hello from ${node}` })
}

export const kill = (id: string): void => {
  if (!mayAct()) return
  question.value = {
    title: `Kill ${id}?`,
    text: "Its sockets are destroyed and its port is closed, without a goodbye. Its neighbours have to notice.",
    verb: "Kill",
    isDestructive: true,
    onYes: () => void perform({ _tag: "Kill", nodes: [id] })
  }
}

export const killShare = (): void => {
  if (!mayAct()) return
  question.value = {
    title: "Kill a share",
    text: "Drawn at random, without a goodbye: whole processes by SIGKILL while they fit into the number, single nodes for the rest.",
    verb: "Kill",
    isDestructive: true,
    number: { label: "Percent of the running nodes", least: 1, most: 99, value: 40 },
    onYes: (percent) => void perform({ _tag: "KillShare", percent })
  }
}

export const restartDead = (): void => {
  if (!mayAct()) return
  if (dead().length === 0) tell("No node is dead.")
  else void perform({ _tag: "Restart", nodes: [] })
}

export const restart = (id: string): void => {
  if (mayAct()) void perform({ _tag: "Restart", nodes: [id] })
}

export const addNodes = (): void => {
  if (!mayAct()) return
  question.value = {
    title: "Add nodes",
    text: "They start in the running processes, and join through a node that is alive.",
    verb: "Add",
    isDestructive: false,
    number: { label: "How many", least: 1, most: 1_000, value: 10 },
    onYes: (count) => void perform({ _tag: "AddNodes", count })
  }
}

/** An even deal of a shuffled pack. */
const dealt = (ids: ReadonlyArray<string>, groups: number): ReadonlyArray<ReadonlyArray<string>> => {
  const ranked = ids.map((id) => ({ id, rank: Math.random() })).sort((a, b) => a.rank - b.rank)
  return Array.from({ length: groups }, (_, group) =>
    ranked.filter((_, index) => index % groups === group).map(({ id }) => id)
  )
}

export const partition = (): void => {
  if (!mayAct()) return
  const alive = running()
  if (alive.length < 2) {
    tell("A cut needs at least two running nodes.", true)
    return
  }
  question.value = {
    title: "Cut the network",
    text: `Splits ${many(alive.length, "node")} at random into groups that hear nothing of each other, until you heal the cut.`,
    verb: "Cut",
    isDestructive: true,
    number: { label: "Groups", least: 2, most: Math.min(8, alive.length), value: 2 },
    option: "Silently, like a cut cable: nodes notice only that others no longer answer",
    onYes: (groups, isSilent) =>
      // Whoever has been started while one was asked would else be on no side, and join the two.
      void perform({ _tag: "Partition", groups: dealt(running(), groups), mode: isSilent ? "silent" : "reset" })
  }
}

export const heal = (): void => {
  if (mayAct()) void perform({ _tag: "Heal" })
}

/** The node after or before the selected one, in the order of their ids. */
export const step = (ids: Iterable<string>, by: 1 | -1): void => {
  const order = [...ids].sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
  const at = selected.value === undefined ? (by === 1 ? -1 : 0) : order.indexOf(selected.value)
  selected.value = order.at((at + by) % Math.max(1, order.length))
}
