/** What the user is asked, and whether the help is open: one dialog at a time. */
import { signal } from "@preact/signals"

/** Before something that cannot be taken back, or that needs a number. */
export interface Question {
  readonly title: string
  readonly text: string
  /** What the button does, in a word. */
  readonly verb: string
  readonly isDestructive: boolean
  /** A number to choose, with its bounds. */
  readonly number?: { readonly label: string; readonly least: number; readonly most: number; readonly value: number }
  /** Something to choose beside it, off at first. */
  readonly option?: string
  readonly onYes: (chosen: number, isOn: boolean) => void
}

export const question = signal<Question | undefined>(undefined)

/** Its dialog is gone. The next question may be there already, for the browser tells of the end of a dialog a moment later. */
export const answered = (asked: Question): void => {
  if (question.value === asked) question.value = undefined
}

export const showsHelp = signal(false)
