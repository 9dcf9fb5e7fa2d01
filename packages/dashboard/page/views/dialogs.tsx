/** What is asked before something that cannot be taken back, and what needs more than a click. One dialog at a time. */
import type { ComponentChildren } from "preact"
import { useEffect, useRef } from "preact/hooks"
import { answered, type Question, question, showsHelp } from "../model/question.ts"

/** A modal dialog of the browser: it keeps the focus, closes on Escape, and gives the focus back. */
const Modal = (props: {
  readonly label: string
  readonly onClose: () => void
  readonly children: ComponentChildren
}) => {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    dialog.current?.showModal()
    // The focus may be at the end of a long one.
    dialog.current?.scrollTo(0, 0)
  }, [])
  return (
    <dialog
      ref={dialog}
      aria-label={props.label}
      onClose={props.onClose}
      onClick={({ currentTarget, target }) => {
        if (target === currentTarget) currentTarget.close()
      }}
    >
      {props.children}
    </dialog>
  )
}

const Asking = ({ asked }: { readonly asked: Question }) => {
  const input = useRef<HTMLInputElement>(null)
  const checkbox = useRef<HTMLInputElement>(null)
  const { number, option } = asked
  return (
    <Modal label={asked.title} onClose={() => answered(asked)}>
      <form
        method="dialog"
        class="asking"
        onSubmit={() =>
          asked.onYes(input.current === null ? 0 : input.current.valueAsNumber, checkbox.current?.checked ?? false)
        }
      >
        <h2>{asked.title}</h2>
        <p>{asked.text}</p>
        {number === undefined ? null : (
          <label>
            {number.label}
            <input
              ref={input}
              type="number"
              required
              min={number.least}
              max={number.most}
              step={1}
              defaultValue={String(number.value)}
            />
          </label>
        )}
        {option === undefined ? null : (
          <label class="option">
            <input ref={checkbox} type="checkbox" />
            {option}
          </label>
        )}
        <div class="row end">
          {/* No submit button: Enter in a field presses the first of those. */}
          <button type="button" onClick={({ currentTarget }) => currentTarget.closest("dialog")?.close()}>
            Cancel
          </button>
          <button type="submit" class={asked.isDestructive ? "destructive" : "primary"}>
            {asked.verb}
          </button>
        </div>
      </form>
    </Modal>
  )
}

export const shortcuts: ReadonlyArray<readonly [key: string, what: string]> = [
  ["/", "find a node by its id"],
  ["J  K", "the next node, the previous one"],
  ["B", "broadcast from the selected node, or any"],
  ["X", "kill the selected node"],
  ["V", "show the selected node's passive view"],
  ["C", "colour by something else"],
  ["+  −  F", "zoom in, zoom out, show everything"],
  ["← ↑ ↓ →", "move the graph when it has the focus"],
  ["O", "open a simulator's result"],
  ["Space", "play or pause a result"],
  ["←  →", "a frame back or forth in a result"],
  ["T", "theme: the system's, light, dark"],
  ["Esc", "deselect"],
  ["?", "this list"]
]

const Help = () => (
  <Modal label="Help" onClose={() => (showsHelp.value = false)}>
    <form method="dialog" class="help">
      <h2>What you see</h2>
      <p>
        Each dot is a node, a running program. Each line is an open connection: a node keeps a handful, to others drawn
        at random, and knows some more addresses in reserve. What is published at one node goes from neighbour to
        neighbour until all have it; the colour of a dot tells after how many links it came there, its hops. It is
        pushed over the blue lines, which are called eager; over the others it is only announced.
      </p>
      <p>
        Kill some nodes, or cut the network: those that are left look for new neighbours, until the number of
        components, the pieces that hear nothing of each other, is 1 again. The events say why each connection was lost.
      </p>
      <h2>Keyboard</h2>
      <dl>
        {shortcuts.map(([key, what]) => (
          <div key={key}>
            <dt>
              {key.split("  ").map((each) => (
                <kbd key={each}>{each}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <div class="row end">
        <button type="submit" class="primary">
          Close
        </button>
      </div>
    </form>
  </Modal>
)

/** Each question is a dialog of its own, also where one follows another at once. */
const keys = new WeakMap<Question, number>()
let lastKey = 0

const keyOf = (asked: Question): number => {
  const key = keys.get(asked) ?? ++lastKey
  keys.set(asked, key)
  return key
}

export const Dialogs = () => (
  <>
    {question.value === undefined ? null : <Asking key={keyOf(question.value)} asked={question.value} />}
    {showsHelp.value ? <Help /> : null}
  </>
)
