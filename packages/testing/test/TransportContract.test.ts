import * as TransportContract from "@hyparview/testing/TransportContract"
import { memory } from "./memory.ts"

TransportContract.suite(memory)
