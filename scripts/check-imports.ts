/** `node scripts/check-imports.ts`: every broken import rule, one a line; fails if there is one. */
import { check, format } from "./imports.ts"
import { readManifest, readWorkspaces } from "./repository.ts"

const workspaces = readWorkspaces()
const violations = check(workspaces, readManifest("."))
for (const violation of violations) console.log(format(violation))
const fileCount = workspaces.reduce((sum, { files }) => sum + Object.keys(files).length, 0)
console.log(`import rules: ${fileCount} files in ${workspaces.length} workspaces, ${violations.length} violations`)
if (violations.length > 0) process.exitCode = 1
