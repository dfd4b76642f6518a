export const STYLES = `
:root {
  color-scheme: light dark;
  --ink: light-dark(#16242e, #e6edf1);
  --quiet: light-dark(#51636f, #9db0bc);
  --paper: light-dark(#fff, #16212a);
  --sea: light-dark(#f1f5f7, #0e161c);
  --line: light-dark(#d5dee4, #2a3a46);
  --accent: light-dark(#0b6477, #62c6d8);
  --good: light-dark(#17663a, #7bd3a0);
  --bad: light-dark(#a3231c, #f0938c);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--sea); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
header, main { max-width: 56rem; margin: 0 auto; padding: 0 1.25rem; }
header { display: flex; align-items: center; gap: .75rem; padding-top: 1.75rem; padding-bottom: 1.25rem; }
header a { display: flex; align-items: center; gap: .6rem; color: inherit; text-decoration: none; font-weight: 650; }
header svg { width: 1.9rem; height: 1.9rem; fill: var(--accent); }
header p { margin: 0 0 0 auto; color: var(--quiet); font-size: .9rem; }
main { padding-bottom: 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0 .25rem; }
.note { color: var(--quiet); margin: 0 0 1.25rem; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: .2rem; }
.sheet { background: var(--paper); border: 1px solid var(--line); border-radius: .75rem; overflow: hidden; }
ol { list-style: none; margin: 0; padding: 0; }
li + li { border-top: 1px solid var(--line); }
summary { display: grid; grid-template-columns: 8.5rem 1fr auto; gap: 0 1rem; padding: .8rem 1.1rem; cursor: pointer; }
summary::-webkit-details-marker { display: none; }
summary:hover { background: var(--sea); }
summary:focus-visible { outline-offset: -3px; }
.mark { font-weight: 600; white-space: nowrap; }
.mark.yes { color: var(--good); }
.mark.no { color: var(--bad); }
.type { font-weight: 600; overflow-wrap: anywhere; }
.quiet, time { color: var(--quiet); font-size: .9rem; overflow-wrap: anywhere; }
summary .quiet { grid-column: 2 / -1; }
.inside { padding: .6rem 1.1rem 1.1rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0 0 .75rem; font-size: .9rem; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
pre { margin: 0; padding: .8rem 1rem; background: var(--sea); border-radius: .5rem; white-space: pre-wrap; overflow-wrap: anywhere; font: .85rem/1.5 ui-monospace, monospace; }
.empty { margin: 0; padding: 3rem 1.5rem; text-align: center; color: var(--quiet); }
.empty strong { display: block; color: var(--ink); font-size: 1.1rem; }
@media (max-width: 36rem) {
  header p { display: none; }
  summary { grid-template-columns: 1fr; }
  summary .type, summary .quiet { grid-column: 1 / -1; }
  summary time { grid-column: 1 / -1; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .35rem; }
}
`

// The list stays up to date by itself; without this script it does after a reload. What is open stays open.
export const SCRIPT = `
const list = document.getElementById('list')
async function refresh() {
  const page = new DOMParser().parseFromString(await (await fetch('/')).text(), 'text/html')
  const open = [...list.querySelectorAll('details[open]')].map(({ id }) => id)
  const focused = document.activeElement?.closest('details')?.id
  list.replaceChildren(...page.getElementById('list').childNodes)
  document.getElementById('note').replaceChildren(...page.getElementById('note').childNodes)
  for (const id of open) document.getElementById(id)?.setAttribute('open', '')
  if (focused) document.getElementById(focused)?.querySelector('summary').focus()
}
async function watch() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 2000))
    if (document.hidden) continue
    const newest = list.querySelector('details')?.id.slice(2) ?? '0'
    try {
      if ((await (await fetch('/api/received?limit=1&after=' + newest)).json()).length > 0) await refresh()
    } catch {
      // The sandbox is away: the next round asks again.
    }
  }
}
watch()
`
