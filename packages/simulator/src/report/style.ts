/** How a report looks, on the page and in the SVG files. */

const light = [
  "--ink:#1d2127",
  "--muted:#626a75",
  "--rule:#c9ced6",
  "--grid:#eceef1",
  "--surface:#ffffff",
  "--page:#fafaf8",
  "--ours:#1f6feb",
  "--ours-faint:#1f6feb55",
  "--second:#b4540a",
  "--paper:#7a818c",
  "--other-1:#0f766e",
  "--other-2:#86518f",
  "--other-3:#8a6d1a"
].join(";")

const dark = [
  "--ink:#e8eaed",
  "--muted:#9aa3af",
  "--rule:#434a54",
  "--grid:#262b32",
  "--surface:#171a1f",
  "--page:#101216",
  "--ours:#6aa6ff",
  "--ours-faint:#6aa6ff66",
  "--second:#f0a35e",
  "--paper:#98a1ad",
  "--other-1:#4fb3a9",
  "--other-2:#c08fc9",
  "--other-3:#c9a94a"
].join(";")

const fonts = 'ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif'

const themes = (selector: string): string =>
  `${selector}{${light};color-scheme:light dark}@media(prefers-color-scheme:dark){${selector}{${dark}}}`

/** A drawing as a file of its own. */
export const standalone = (svg: string): string => {
  const [, width = "720", height = "400"] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg) ?? []
  const style = `<style>${themes("svg")}svg{background:var(--surface);font-family:${fonts}}</style>`
  return svg.replace(/^<svg([^>]*)>/, `<svg width="${width}" height="${height}"$1>${style}`)
}

/** The page's style sheet. */
export const pageStyle = `${themes(":root")}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 ${fonts};-webkit-text-size-adjust:100%}
main{max-width:780px;margin:0 auto;padding:40px 20px 72px}
h1{font-size:28px;line-height:1.2;letter-spacing:-.015em;margin:0 0 6px}
h2{font-size:19px;line-height:1.3;letter-spacing:-.005em;margin:0 0 4px}
p{margin:0 0 12px}
.lead,.note{color:var(--muted)}
.note{font-size:14.5px;margin-bottom:10px}
pre{background:var(--surface);border:1px solid var(--grid);border-radius:8px;padding:10px 14px;white-space:pre-wrap;overflow-wrap:anywhere;font-size:13px}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
figure,section.figure{margin:28px 0 0;padding:18px 18px 12px;background:var(--surface);border:1px solid var(--grid);border-radius:10px}
svg{display:block;width:100%;height:auto}
.narrow{display:none}
.chord{max-width:520px;margin:0 auto}
.facts{display:grid;grid-template-columns:repeat(3,1fr);gap:1px;margin:24px 0 0;background:var(--grid);border:1px solid var(--grid);border-radius:10px;overflow:hidden}
.facts div{background:var(--surface);padding:12px 14px}
.facts dt{color:var(--muted);font-size:12.5px}
.facts dd{margin:0;font-size:20px;font-variant-numeric:tabular-nums;letter-spacing:-.01em}
.facts small{display:block;color:var(--paper);font-size:12.5px;letter-spacing:0}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:13.5px;font-variant-numeric:tabular-nums;margin:8px 0 4px;min-width:100%}
th,td{text-align:right;padding:4px 10px 4px 0;border-bottom:1px solid var(--grid);white-space:nowrap}
th{color:var(--muted);font-weight:500}
th:first-child,td:first-child{text-align:left}
caption{text-align:left;color:var(--muted);padding:6px 0 2px}
details{margin-top:6px;font-size:14px}
summary{color:var(--muted);cursor:pointer}
.warning{border-left:3px solid var(--second);padding:6px 12px;background:var(--surface)}
@media(max-width:560px){main{padding:24px 12px 48px}figure,section.figure{padding:14px 10px 8px}h1{font-size:23px}.facts{grid-template-columns:repeat(2,1fr)}.wide{display:none}.narrow{display:block}}
`
