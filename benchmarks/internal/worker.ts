/** Runs one benchmark in a process of its own, so that neither its garbage nor its types slow the next one. */
import { fork } from "node:child_process"
import { catalog } from "./catalog.ts"
import type { Row } from "./row.ts"

/** Rejects when the benchmark has thrown; what it had to say is on standard error. */
export const runApart = (name: string, full: boolean): Promise<ReadonlyArray<Row>> =>
  new Promise((resolve, reject) => {
    // The table alone goes to standard output.
    const child = fork(import.meta.filename, [name, String(full)], { stdio: ["ignore", 2, 2, "ipc"] })
    let rows: ReadonlyArray<Row> | undefined
    child.on("message", (message: ReadonlyArray<Row>) => {
      rows = message
    })
    child.on("error", reject)
    child.on("exit", (code, signal) => {
      if (code === 0 && rows !== undefined) resolve(rows)
      else reject(new Error(`benchmark ${name} ended with ${signal ?? `exit code ${code}`}`))
    })
  })

if (process.argv[1] === import.meta.filename) {
  const [, , name = "", full] = process.argv
  const rows = await catalog.get(name)?.run(full === "true")
  process.send?.(rows ?? [], () => process.exit(0))
}
