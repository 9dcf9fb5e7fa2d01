#!/usr/bin/env -S node --no-allocation-site-pretenuring
/**
 * The `hyparview` command: its subcommands, each a module of its own, put together.
 *
 * The flag is for `simulate`. V8 watches which literals give objects that live long, and may decide, while it compiles, to make
 * those of a literal old from the start; their garbage then keeps young objects alive until the next full collection. A
 * simulated node's states live until its next step. Without such decisions `plumtree` among 10,000 nodes takes 0.86 of the CPU
 * time and 0.66 of the memory, `thicket` among 3,000 0.91 and 0.87 (means of three runs each). V8's flags count for a whole
 * process, and are safe to set only where it starts: `v8.setFlagsFromString` beside running threads is a race.
 */
import * as Command from "effect/cli/Command"
import { certs } from "./CertsCommand.ts"
import { cluster } from "./ClusterCommand.ts"
import { node } from "./NodeCommand.ts"
import { simulate } from "./SimulateCommand.ts"
import { run } from "./internal/run.ts"

run(
  Command.make("hyparview").pipe(
    Command.withDescription(
      "HyParView overlays: live nodes, live clusters on this machine, their certificates, and simulations of large ones."
    ),
    Command.withSubcommands([node, cluster, certs, simulate])
  )
)
