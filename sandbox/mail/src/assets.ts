export const STYLES = `
:root {
  color-scheme: light dark;
  --ink: light-dark(#16242e, #e6edf1);
  --quiet: light-dark(#51636f, #9db0bc);
  --paper: light-dark(#fff, #16212a);
  --sea: light-dark(#f1f5f7, #0e161c);
  --line: light-dark(#d5dee4, #2a3a46);
  --accent: light-dark(#0b6477, #62c6d8);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--sea); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
header, main { max-width: 52rem; margin: 0 auto; padding: 0 1.25rem; }
header { display: flex; align-items: center; gap: .75rem; padding-top: 1.75rem; padding-bottom: 1.25rem; }
header a { display: flex; align-items: center; gap: .6rem; color: inherit; text-decoration: none; font-weight: 650; }
header svg { width: 1.9rem; height: 1.9rem; fill: var(--accent); }
header p { margin: 0 0 0 auto; color: var(--quiet); font-size: .9rem; }
main { padding-bottom: 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 1.75rem 0 .5rem; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: .2rem; }
.bar { display: flex; align-items: baseline; gap: 1rem; }
.bar [role=status] { color: var(--quiet); margin: 0; }
.bar button { margin-left: auto; }
button { font: inherit; font-size: .9rem; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: .5rem; padding: .35rem .8rem; cursor: pointer; }
button:hover { border-color: var(--accent); }
.sheet { background: var(--paper); border: 1px solid var(--line); border-radius: .75rem; overflow: hidden; }
ol { list-style: none; margin: 0; padding: 0; }
li + li { border-top: 1px solid var(--line); }
li a { display: grid; grid-template-columns: 1fr auto; gap: 0 1rem; padding: .85rem 1.1rem; color: inherit; text-decoration: none; }
li a:hover { background: var(--sea); }
li a:focus-visible { outline-offset: -3px; }
li .subject { font-weight: 600; overflow-wrap: anywhere; }
li .people, li time { color: var(--quiet); font-size: .9rem; overflow-wrap: anywhere; }
li .people { grid-column: 1 / -1; }
@media (max-width: 34rem) {
  header p { display: none; }
  li a { grid-template-columns: 1fr; }
}
.empty { padding: 3rem 1.5rem; text-align: center; color: var(--quiet); }
.empty strong { display: block; color: var(--ink); font-size: 1.1rem; }
.head { padding: .9rem 1.1rem; border-bottom: 1px solid var(--line); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
.text { margin: 0; padding: 1.1rem; white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; }
iframe { display: block; width: 100%; height: 32rem; border: 0; background: #fff; color-scheme: light; }
`

// The list stays up to date by itself; without this script it does after a reload.
export const SCRIPT = `
const list = document.getElementById('list')
const newest = () => list.querySelector('li a')?.id.slice(2) ?? ''
async function refresh() {
  const page = new DOMParser().parseFromString(await (await fetch('/')).text(), 'text/html')
  const focused = document.activeElement?.id
  list.innerHTML = page.getElementById('list').innerHTML
  document.getElementById('count').textContent = page.getElementById('count').textContent
  document.getElementById('empty-it').hidden = newest() === ''
  if (focused) document.getElementById(focused)?.focus()
}
async function watch() {
  for (;;) {
    try {
      const answer = await fetch('/api/messages?waitMs=30000&after=' + newest())
      if ((await answer.json()).length > 0) await refresh()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 2000))
    }
  }
}
const button = document.getElementById('empty-it')
button.hidden = newest() === ''
button.addEventListener('click', async () => {
  await fetch('/api/messages', { method: 'DELETE' })
  await refresh()
})
watch()
`
