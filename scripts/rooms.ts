/**
 * The rooms of the house, bottom up, and what each may import: the table that `imports.ts` enforces. A new package
 * gets a row here first.
 */

export interface Room {
  /** The name after `@hyparview/`, and the folder under `packages/`. */
  readonly name: string
  /** The rooms below that its `src` may import; all of them stand higher up in this table. */
  readonly mayImport: ReadonlyArray<string>
  /** Never published: it may depend on `testing`. */
  readonly private?: true
  /**
   * How far its `src` is kept from the world. `pure`: Effect's data and Schema modules only, no clock, socket, Promise
   * or randomness. `deterministic`: the same words are forbidden, but more of Effect is open to it.
   */
  readonly purity?: "pure" | "deterministic"
  /** Files (paths under `src`) that only present a result: `Math` beyond the exact functions is open to them. */
  readonly presentation?: RegExp
  /** Where Node may be imported: everywhere in `src`, or only in the files (paths under `src`) that match. */
  readonly node?: true | RegExp
  /** A transport knows links and frames, not protocols: of each room below, the only modules it may import. */
  readonly onlyModules?: Readonly<Record<string, ReadonlyArray<string>>>
}

/** Of `core` and `runtime`, the modules that speak of links and frames, and of time. */
const linksAndFrames = {
  core: ["Peer", "Random"],
  runtime: ["Transport", "Alarm"]
}

/** Bottom first: a room imports only rooms that stand before it. */
export const rooms: ReadonlyArray<Room> = [
  { name: "core", mayImport: [], purity: "pure" },
  { name: "faults", mayImport: ["core"], purity: "pure" },
  {
    name: "simulator",
    mayImport: ["core", "faults"],
    purity: "deterministic",
    presentation: /^(?:internal\/)?(?:report|Report|Svg|svg|plot|Plot)[^/]*(?:\/|\.ts$)/
  },
  { name: "runtime", mayImport: ["core"] },
  { name: "transport-memory", mayImport: ["core", "faults", "runtime"], onlyModules: linksAndFrames },
  { name: "transport-tcp", mayImport: ["runtime"], node: true, onlyModules: linksAndFrames },
  {
    name: "testing",
    mayImport: ["core", "faults", "runtime", "transport-memory"],
    // How the virtual clock gives its host a turn; it looks whether it is Node, and does without elsewhere. And the fault
    // proxy, an entry point of its own that needs real sockets.
    node: /^(?:internal\/host\.ts|FaultProxy\.ts|internal\/faultProxy\/.*)$/
  },
  { name: "cluster", mayImport: ["core", "faults", "runtime", "transport-tcp"], node: true },
  { name: "dashboard", mayImport: [], node: /^(?:server\/|Server[^/]*\.ts$)/ },
  {
    name: "cli",
    mayImport: ["cluster", "core", "dashboard", "runtime", "simulator", "transport-tcp"],
    node: true
  },
  {
    name: "vopr",
    mayImport: ["cluster", "core", "faults", "runtime", "simulator", "testing", "transport-memory", "transport-tcp"],
    private: true,
    node: true
  }
]

/** The modules of Effect that hold data, compare it or describe it, and do nothing. */
export const pureEffectModules: ReadonlySet<string> = new Set([
  "Array",
  "BigDecimal",
  "BigInt",
  "Boolean",
  "Brand",
  "Bytes",
  "Chunk",
  "Combiner",
  "Data",
  "Duration",
  "Equal",
  "Equivalence",
  "Filter",
  "Formatter",
  "Function",
  "Graph",
  "HKT",
  "Hash",
  "HashMap",
  "HashRing",
  "HashSet",
  "Iterable",
  "Match",
  "MutableHashMap",
  "MutableHashSet",
  "MutableList",
  "Newtype",
  "NonEmptyIterable",
  "Number",
  "Optic",
  "Option",
  "Order",
  "Ordering",
  "Pipeable",
  "Predicate",
  "Record",
  "Reducer",
  "Result",
  "Schema",
  "SchemaAST",
  "SchemaGetter",
  "SchemaIssue",
  "SchemaParser",
  "SchemaTransformation",
  "String",
  "Struct",
  "Trie",
  "Tuple",
  "Types",
  "UndefinedOr"
])

/** What a deterministic room may not take from Effect either: its clock, its randomness, its platform. */
export const impureEffectModules: ReadonlySet<string> = new Set([
  "Clock",
  "Console",
  "Cron",
  "DateTime",
  "FileSystem",
  "ManagedRuntime",
  "Path",
  "Random",
  "Runtime",
  "Schedule",
  "Scheduler",
  "Stdio",
  "Terminal"
])
