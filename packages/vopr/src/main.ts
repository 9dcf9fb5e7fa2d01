#!/usr/bin/env node
/** The fault simulation as a program. */
import * as Command from "effect/cli/Command"
import { runMain } from "./internal/run.ts"
import { vopr } from "./VoprCommand.ts"

runMain(Command.run(vopr, { version: "0.0.0" }))
