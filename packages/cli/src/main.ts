#!/usr/bin/env node
/** The `hyparview` command: its subcommands, each a module of its own, put together. */
import * as Command from "effect/cli/Command"
import { certs } from "./CertsCommand.ts"
import { cluster } from "./ClusterCommand.ts"
import { simulate } from "./SimulateCommand.ts"
import { run } from "./internal/run.ts"

run(
  Command.make("hyparview").pipe(
    Command.withDescription(
      "HyParView overlays: live clusters on this machine, their certificates, and simulations of large ones."
    ),
    Command.withSubcommands([cluster, certs, simulate])
  )
)
