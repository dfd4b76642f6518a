export const STYLES = `
:root {
  color-scheme: light dark;
  --ink: light-dark(#16242e, #e6edf1);
  --quiet: light-dark(#51636f, #9db0bc);
  --paper: light-dark(#fff, #16212a);
  --sea: light-dark(#f1f5f7, #0e161c);
  --line: light-dark(#d5dee4, #2a3a46);
  --accent: light-dark(#0b6477, #62c6d8);
  --on-accent: light-dark(#fff, #0e161c);
  --good: light-dark(#1c6b3c, #7fd6a0);
  --bad: light-dark(#a32727, #f2a0a0);
  --waits: light-dark(#7a5200, #e8c46a);
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
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: .2rem; }
.bar { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 1rem; margin: .5rem 0 1rem; }
.bar h1 { margin: 0; }
.bar [role=status] { color: var(--quiet); margin: 0; }
.sheet { background: var(--paper); border: 1px solid var(--line); border-radius: .75rem; overflow: hidden; }
ol { list-style: none; margin: 0; padding: 0; }
#list > ol > li { padding: .85rem 1.1rem; }
#list > ol > li + li { border-top: 1px solid var(--line); }
.payment { display: grid; grid-template-columns: 1fr auto; gap: 0 1rem; }
.payment strong, .amount { font-variant-numeric: tabular-nums; }
.payment .status { justify-self: end; font-weight: 600; font-size: .9rem; }
.authorised { color: var(--good); }
.declined, .expired { color: var(--bad); }
.requires_action, .pending { color: var(--waits); }
.quiet, .payment time { color: var(--quiet); font-size: .9rem; overflow-wrap: anywhere; }
.payment time { justify-self: end; }
.movements { margin-top: .45rem; padding-left: .75rem; border-left: 3px solid var(--line); font-size: .9rem; }
.movements li { display: grid; grid-template-columns: 6rem 1fr auto; gap: 0 1rem; }
.movements .amount { text-align: right; }
.movements time { color: var(--quiet); }
@media (max-width: 34rem) {
  header p { display: none; }
  .payment .quiet, .payment time { grid-column: 1 / -1; justify-self: start; }
  .payment .status { text-align: right; }
  .movements li { grid-template-columns: 5rem 1fr auto; gap: 0 .5rem; }
}
.empty { padding: 3rem 1.5rem; text-align: center; color: var(--quiet); }
.empty strong { display: block; color: var(--ink); font-size: 1.1rem; }
.challenge { max-width: 28rem; margin: 0 auto; padding: 1.5rem; }
.challenge h1 { margin-top: 0; }
.challenge .sum { font-size: 2rem; font-weight: 650; line-height: 1.2; margin: .25rem 0 1.25rem; font-variant-numeric: tabular-nums; }
.buttons { display: flex; flex-wrap: wrap; gap: .75rem; }
.buttons button { flex: 1 1 9rem; min-height: 2.75rem; font: inherit; font-weight: 600; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: .5rem; cursor: pointer; }
.buttons button[value=confirm] { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.buttons button:hover { border-color: var(--ink); }
`

// The list stays up to date by itself; without this script it does after a reload.
export const SCRIPT = `
async function refresh() {
  const page = new DOMParser().parseFromString(await (await fetch('/')).text(), 'text/html')
  for (const id of ['list', 'count']) {
    const [shown, newest] = [document.getElementById(id), page.getElementById(id)]
    if (shown.innerHTML !== newest.innerHTML) shown.innerHTML = newest.innerHTML
  }
}
setInterval(() => { if (!document.hidden && !document.activeElement?.closest('#list')) refresh().catch(() => {}) }, 3000)
`
