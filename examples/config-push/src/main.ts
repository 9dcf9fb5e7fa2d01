/** Three nodes over TCP on this machine share settings; a fourth joins later, and has them at once. */
import { NodeRuntime } from "@effect/platform-node"
import { demonstration } from "./demonstration.ts"

NodeRuntime.runMain(demonstration)
