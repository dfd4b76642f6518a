import { splitLinks, type Message } from './message.js'

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escape = (text: string) => text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character)

const time = (iso: string) => `<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`
const subjectOf = ({ subject }: Message) => subject.trim() || '(no subject)'

const layout = (title: string, main: string, scripts = '') => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)} · Catamaran mailbox</title>
<link rel="stylesheet" href="/styles.css">
<link rel="icon" href="data:,">
${scripts}</head>
<body>
<header>
<a href="/"><svg viewBox="0 0 32 32" aria-hidden="true"><path d="M15 2v18H5zM17 6l9 14h-9zM2 23h12l-2 5H5zM18 23h12l-3 5h-7z"/></svg>Catamaran mailbox</a>
<p>Every mail of this machine ends here.</p>
</header>
<main>
${main}
</main>
</body>
</html>
`

const listItem = (message: Message) =>
  `<li><a id="m-${message.id}" href="/messages/${message.id}"><span class="subject">${escape(subjectOf(message))}</span>${time(message.receivedAt)}` +
  `<span class="people">${escape(message.from)} to ${escape(message.to.join(', '))}</span></a></li>`

/** The list of all mails. @param messages newest first */
export function listPage(messages: readonly Message[]): string {
  const list = messages.length
    ? `<ol>${messages.map(listItem).join('\n')}</ol>`
    : '<p class="empty"><strong>No mail yet</strong>Register a buyer and the mail to confirm the address appears here.</p>'
  const count = messages.length === 1 ? '1 mail' : `${messages.length} mails`
  const main = `<div class="bar"><h1>Mailbox</h1><p id="count" role="status">${count}</p><button id="empty-it" type="button" hidden>Delete all</button></div>
<div id="list" class="sheet">${list}</div>`
  return layout('Mails', main, '<script src="/list.js" type="module"></script>\n')
}

const linkify = (text: string) =>
  splitLinks(text)
    .map((piece, index) => (index % 2 === 1 ? `<a href="${escape(piece)}" rel="noreferrer">${escape(piece)}</a>` : escape(piece)))
    .join('')

/** One mail: its head, its text with links to follow, its HTML in a frame that can run nothing. */
export function messagePage(message: Message): string {
  const text = message.text.trim() === '' ? '' : `<pre class="text">${linkify(message.text)}</pre>`
  const html =
    message.html === undefined
      ? ''
      : `<h2>As HTML</h2>
<div class="sheet"><iframe src="/messages/${message.id}/html" title="The mail as HTML" sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe></div>`
  return layout(
    subjectOf(message),
    `<p><a href="/">All mails</a></p>
<h1>${escape(subjectOf(message))}</h1>
<div class="sheet"><div class="head"><dl><dt>From</dt><dd>${escape(message.from)}</dd><dt>To</dt><dd>${escape(message.to.join(', '))}</dd>
<dt>Received</dt><dd>${time(message.receivedAt)}</dd></dl></div>
${text}</div>
${html}`,
  )
}

export const notFoundPage = () =>
  layout('Not found', '<h1>No such mail</h1>\n<p>It may have been deleted. <a href="/">See all mails</a></p>')
