/**
 * `node scripts/check-documentation.ts`: every name that a public module exports, or passes on from another file, says
 * its `@category` and since when it is there (`@since`), in the comment right before its declaration.
 */
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path/posix"
import { parseSync, type Span } from "oxc-parser"
import { readManifest, root, workspaceFolders } from "./repository.ts"

const problems = new Set<string>()
const checked = new Set<string>()

/** Looks at the declarations of a file: those that it exports, or the one that another passes on. */
const checkFile = (path: string, wanted?: string): void => {
  if (checked.has(`${path} ${wanted}`)) return
  checked.add(`${path} ${wanted}`)
  const source = readFileSync(join(root, path), "utf8")
  const { comments, program } = parseSync(path, source)
  const checkTags = ({ start }: Span, name: string): void => {
    const comment = comments.find(({ end }) => end <= start && source.slice(end, start).trim() === "")
    for (const tag of ["@category", "@since"]) {
      if (comment?.value.includes(`* ${tag} `) !== true) problems.add(`${path}: ${name} has no ${tag}`)
    }
  }
  for (const statement of program.body) {
    const isExport = statement.type === "ExportNamedDeclaration"
    if (isExport || statement.type === "ExportAllDeclaration") {
      const target = statement.source?.value
      const next = target?.startsWith(".") === true ? join(path, "..", target) : target === undefined ? path : undefined
      // A namespace is a module of its own, and documented at its head.
      if (!isExport && next !== undefined && statement.exported === null) checkFile(next, wanted)
      for (const { exported, local } of isExport ? statement.specifiers : []) {
        const name = "name" in local ? local.name : local.value
        const isWanted = wanted === undefined || wanted === ("name" in exported ? exported.name : exported.value)
        if (isWanted && next !== undefined) checkFile(next, name)
      }
    }
    if (statement.type === "ImportDeclaration" && wanted !== undefined && statement.source.value.startsWith(".")) {
      const imported = statement.specifiers.find(({ local }) => local.name === wanted)
      if (imported?.type === "ImportSpecifier") checkFile(join(path, "..", statement.source.value), wanted)
    }
    const declaration = isExport ? statement.declaration : wanted === undefined ? undefined : statement
    if (declaration === null || declaration === undefined) continue
    const declared = declaration.type === "VariableDeclaration" ? declaration.declarations : [declaration]
    for (const { id } of declared.filter((declared) => "id" in declared)) {
      const name = id?.type === "Identifier" ? id.name : undefined
      if (name !== undefined && (wanted === undefined || wanted === name)) checkTags(statement, name)
    }
  }
}

for (const folder of workspaceFolders().filter((folder) => readManifest(folder).private !== true)) {
  for (const path of globSync(`${folder}/src/*.ts`, { cwd: root }).toSorted()) checkFile(path)
}
for (const problem of problems) console.log(problem)
console.log(`documentation: ${checked.size} exports and modules, ${problems.size} problems`)
if (problems.size > 0) process.exitCode = 1
