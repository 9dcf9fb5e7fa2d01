#!/usr/bin/env node
/** The soak as a program. */
import * as Command from "effect/cli/Command"
import { runMain } from "./internal/run.ts"
import { soak } from "./SoakCommand.ts"

runMain(Command.run(soak, { version: "0.0.0" }))
