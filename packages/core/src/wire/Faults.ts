/**
 * What `Reader` and `Writer` share: a place in a frame, and the first fault met there.
 *
 * @since 0.1.0
 */
import { WireError, type WireReason } from "./WireError.ts"

/**
 * The first fault met while a frame is read or written. Reading goes on to the end all the same, with values that
 * nobody will see: no exception, and no check after each field.
 */
export abstract class Faults {
  /** Where the next byte is read or written. */
  offset = 0
  protected reason: WireReason | undefined = undefined
  private field = ""
  private at = 0
  /** The record within the message whose fields are under way, and the index in its list; "" and −1 for the message. */
  path = ""
  index = -1

  protected get failed(): boolean {
    return this.reason !== undefined
  }

  /** Keeps the first fault only. */
  protected note(reason: WireReason, field: string, at: number): void {
    if (this.reason !== undefined) return
    this.reason = reason
    this.field = this.path === "" ? field : `${this.path}${this.index < 0 ? "" : `[${this.index}]`}.${field}`
    this.at = at
  }

  protected clear(): void {
    this.reason = undefined
    this.path = ""
    this.index = -1
  }

  /** The fault, or undefined when there was none. `frame`: what is read or written. */
  error(frame: string): WireError | undefined {
    if (this.reason === undefined) return undefined
    return new WireError({ reason: this.reason, field: `${frame}.${this.field}`, offset: this.at })
  }
}
