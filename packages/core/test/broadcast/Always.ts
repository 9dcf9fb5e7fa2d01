/**
 * What holds after every transition of a broadcast. The rules themselves are `@hyparview/faults/Broadcast`, by which the fault
 * simulation judges too.
 */
export { isOverloaded, Ledger, stateFaults } from "@hyparview/faults/Broadcast"
