/** The page begins here. */
import { render } from "preact"
import { follow } from "./model/session.ts"
import { App } from "./views/App.tsx"

const root = document.getElementById("app")
if (root !== null) render(<App />, root)
follow()
