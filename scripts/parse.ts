/** What the import rules need to know of a source file: its imports, the globals it names, and where. */
import { parseSync, visitorKeys } from "oxc-parser"

export interface Import {
  readonly specifier: string
  /** Imported names; undefined when the whole module is taken (`* as`, `export *`, a dynamic or side-effect import). */
  readonly names: ReadonlyArray<string> | undefined
  readonly line: number
}

export interface Mention {
  /** The global's name, or `Global.member` where a member of it is named. */
  readonly text: string
  readonly line: number
}

export interface Source {
  readonly imports: ReadonlyArray<Import>
  /** Identifiers in a place where a global would be meant; a local of the same name is listed too. */
  readonly mentions: ReadonlyArray<Mention>
  /** `async` functions, `await`, and `**` on anything but two literals. */
  readonly constructs: ReadonlyArray<{ readonly kind: "async" | "power"; readonly line: number }>
  readonly errors: ReadonlyArray<string>
}

interface Node {
  readonly type: string
  readonly start: number
  readonly [key: string]: unknown
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string"

const child = (node: Node, key: string): Node | undefined => {
  const value = node[key]
  return isNode(value) ? value : undefined
}

const text = (node: Node | undefined, key: "name" | "value"): string | undefined => {
  const value = node?.[key]
  return typeof value === "string" ? value : undefined
}

/** Keys whose plain identifier is a label or a member's name, not a reference. */
const nameOnly: Readonly<Record<string, ReadonlyArray<string>>> = {
  MemberExpression: ["property"],
  Property: ["key"],
  MethodDefinition: ["key"],
  PropertyDefinition: ["key"],
  AccessorProperty: ["key"],
  TSAbstractMethodDefinition: ["key"],
  TSAbstractPropertyDefinition: ["key"],
  TSPropertySignature: ["key"],
  TSMethodSignature: ["key"],
  TSEnumMember: ["id"],
  ImportSpecifier: ["imported", "local"],
  ImportDefaultSpecifier: ["local"],
  ImportNamespaceSpecifier: ["local"],
  ExportSpecifier: ["exported"],
  ExportAllDeclaration: ["exported"],
  LabeledStatement: ["label"],
  BreakStatement: ["label"],
  ContinueStatement: ["label"],
  TSQualifiedName: ["right"],
  TSNamedTupleMember: ["label"],
  TSTypePredicate: ["parameterName"],
  TSImportType: ["qualifier"],
  MetaProperty: ["meta", "property"]
}

const importedNames = (node: Node, key: "imported" | "local"): ReadonlyArray<string> | undefined => {
  const specifiers = Array.isArray(node["specifiers"]) ? node["specifiers"].filter(isNode) : []
  if (specifiers.length === 0) return undefined
  const names = specifiers.map((specifier) => {
    const name = child(specifier, key)
    return specifier.type === "ImportSpecifier" || specifier.type === "ExportSpecifier"
      ? (text(name, "name") ?? text(name, "value"))
      : undefined
  })
  return names.every((name) => name !== undefined) ? names : undefined
}

export const parse = (path: string, source: string): Source => {
  const result = parseSync(path, source)
  const lineStarts = [0]
  for (let i = source.indexOf("\n"); i >= 0; i = source.indexOf("\n", i + 1)) lineStarts.push(i + 1)
  const lineOf = (offset: number): number => {
    const after = lineStarts.findIndex((start) => start > offset)
    return after < 0 ? lineStarts.length : after
  }
  const imports: Array<Import> = []
  const mentions: Array<Mention> = []
  const constructs: Array<Source["constructs"][number]> = []

  const addImport = (node: Node, module: Node | undefined, names: ReadonlyArray<string> | undefined): void => {
    // A specifier that is computed cannot be judged, so it is reported as one that no rule allows.
    imports.push({ specifier: text(module, "value") ?? "(computed)", names, line: lineOf(node.start) })
  }

  const visit = (node: Node): void => {
    const line = lineOf(node.start)
    switch (node.type) {
      case "ImportDeclaration":
        addImport(node, child(node, "source"), importedNames(node, "imported"))
        break
      case "ExportNamedDeclaration":
        if (child(node, "source") !== undefined) addImport(node, child(node, "source"), importedNames(node, "local"))
        break
      case "ExportAllDeclaration":
      case "ImportExpression":
        addImport(node, child(node, "source"), undefined)
        break
      case "TSImportType":
        addImport(node, child(node, "source"), undefined)
        break
      case "TSExternalModuleReference":
        addImport(node, child(node, "expression"), undefined)
        break
      case "CallExpression": {
        const callee = child(node, "callee")
        const argument = Array.isArray(node["arguments"]) ? node["arguments"].find(isNode) : undefined
        if (callee?.type === "Identifier" && callee["name"] === "require") addImport(node, argument, undefined)
        break
      }
      case "AwaitExpression":
        constructs.push({ kind: "async", line })
        break
      case "BinaryExpression":
      case "AssignmentExpression":
        if (
          node["operator"] === "**=" ||
          (node["operator"] === "**" &&
            (child(node, "left")?.type !== "Literal" || child(node, "right")?.type !== "Literal"))
        ) {
          constructs.push({ kind: "power", line })
        }
        break
      case "MemberExpression": {
        const object = child(node, "object")
        const property = child(node, "property")
        if (object?.type === "Identifier") {
          const member = node["computed"] === true ? text(property, "value") : text(property, "name")
          mentions.push({ text: `${String(object["name"])}.${member ?? "[computed]"}`, line })
          if (node["computed"] === true && property !== undefined) visit(property)
          return
        }
        break
      }
      case "Identifier": {
        const name = text(node, "name")
        if (name !== undefined) mentions.push({ text: name, line })
        break
      }
      default:
        break
    }
    if (node["async"] === true || (node.type === "ForOfStatement" && node["await"] === true)) {
      constructs.push({ kind: "async", line })
    }
    for (const key of visitorKeys[node.type] ?? []) {
      const value = node[key]
      if (nameOnly[node.type]?.includes(key) === true && node["computed"] !== true) {
        if (isNode(value) && value.type === "Identifier") continue
      }
      for (const item of Array.isArray(value) ? value : [value]) if (isNode(item)) visit(item)
    }
  }

  const program: unknown = result.program
  const body = isNode(program) && Array.isArray(program["body"]) ? program["body"].filter(isNode) : []
  for (const statement of body) visit(statement)
  return {
    imports,
    mentions,
    constructs,
    errors: result.errors.map((error) => error.message)
  }
}
