import { FAULTS, type Behaviour } from './behaviour.js'
import type { Received } from './received.js'

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escape = (text: string) => text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character)
const time = (iso: string) => `<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`

const pretty = (body: string): string => {
  try {
    return JSON.stringify(JSON.parse(body), undefined, 2)
  } catch {
    return body
  }
}

const ANSWERS: Record<string, string> = { hang: 'left without an answer', close: 'hung up on' }
const answerOf = (answer: string): string => ANSWERS[answer] ?? `answered ${answer}`

const item = ({ id, receivedAt, path, webhookId, type, isVerified, reason, answer, headers, body }: Received): string => {
  const mark = isVerified ? '<span class="mark yes">✓ Verified</span>' : '<span class="mark no">✕ Not verified</span>'
  const facts = [
    ['Path', path],
    ['webhook-id', webhookId ?? 'none'],
    ['webhook-timestamp', String(headers['webhook-timestamp'] ?? 'none')],
    ['webhook-signature', String(headers['webhook-signature'] ?? 'none')],
    ...(reason === null ? [] : [['Why not verified', reason]]),
  ]
  const list = facts.map(([name = '', value = '']) => `<dt>${escape(name)}</dt><dd>${escape(value)}</dd>`).join('')
  return `<li><details id="r-${id}"><summary>${mark}<span class="type">${escape(type ?? '(no type)')}</span>${time(receivedAt)}
<span class="quiet">${escape(webhookId ?? 'without webhook-id')} · ${answerOf(answer)}</span></summary>
<div class="inside"><dl>${list}</dl><pre>${escape(pretty(body))}</pre></div></details></li>`
}

const moodOf = (behaviour: Behaviour): string => {
  const faults = FAULTS.filter((fault) => behaviour[fault] > 0).map((fault) => `${behaviour[fault]} % ${fault}`)
  return faults.length === 0 ? 'It answers as it should.' : `It misbehaves on request: ${faults.join(', ')}.`
}

/** What was received. @param received newest first @param count of all there are */
export const listPage = (received: readonly Received[], count: number, behaviour: Behaviour): string => {
  const list = received.length
    ? `<ol>${received.map(item).join('\n')}</ol>`
    : '<p class="empty"><strong>No webhook yet</strong>Place an order of something that the demo partner sells, and it appears here.</p>'
  const shown = count > received.length ? `the last ${received.length} of ${count}` : count === 1 ? '1 webhook' : `${count} webhooks`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Webhooks · Catamaran sandbox partner</title>
<link rel="stylesheet" href="/styles.css">
<link rel="icon" href="data:,">
<script src="/list.js" type="module"></script>
</head>
<body>
<header>
<a href="/"><svg viewBox="0 0 32 32" aria-hidden="true"><path d="M4 12 6 4h20l2 8a4 4 0 0 1-3 4v12H7V16a4 4 0 0 1-3-4zm6 6v7h7v-7z"/></svg>Sandbox partner</a>
<p>A seller with a system of its own.</p>
</header>
<main>
<h1>Received webhooks</h1>
<p class="note" id="note" role="status">${shown[0]?.toUpperCase()}${shown.slice(1)}. ${moodOf(behaviour)}</p>
<div id="list" class="sheet">${list}</div>
</main>
</body>
</html>
`
}
