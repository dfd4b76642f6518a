import { ERRORS, type ErrorCode, type ErrorSpec } from '@catamaran/contracts'
import { html, inline, page } from './html.js'

const CODES = Object.entries(ERRORS) as [ErrorCode, ErrorSpec][]

/** The list of all problems, by the part of the system they come from. */
export const problemsPage = (): string => {
  const parts = Map.groupBy(CODES, ([code]) => (code.includes('.') ? code.slice(0, code.indexOf('.')) : 'system'))
  return page(
    'Problems',
    html`<h1>Problems</h1>
      <p class="lead">
        Every error answer is a problem document (RFC 9457). Programs go by <code>code</code>; <code>requestId</code> is what to tell us.
      </p>
      ${[...parts].map(
        ([part, codes]) =>
          html`<h2 class="part" id="${part}">${part}</h2>
            <div class="scroll">
              <table class="problems">
                <thead>
                  <tr>
                    <th>Status</th>
                    <th>Code</th>
                    <th>Meaning</th>
                  </tr>
                </thead>
                <tbody>
                  ${codes.map(
                    ([code, { status, title }]) =>
                      html`<tr>
                        <td>${status}</td>
                        <td><a href="/problems/${code}">${code}</a></td>
                        <td>${title}</td>
                      </tr>`,
                  )}
                </tbody>
              </table>
            </div>`,
      )}`,
  )
}

/** The page that `type` of a problem document leads to, or undefined for a code that there isn't. */
export const problemPage = (code: string): string | undefined => {
  if (!Object.hasOwn(ERRORS, code)) return undefined
  const { title, status, advice, retry } = ERRORS[code as ErrorCode] as ErrorSpec
  const example = { type: `/problems/${code}`, title, status, detail: advice, code, requestId: 'req_01k2m3n4p5q6r7s8t9v0w1x2y3' }
  return page(
    title,
    html`<p class="crumb"><a href="/problems">Problems</a></p>
      <h1>${title}</h1>
      <dl class="facts">
        <dt>Code</dt>
        <dd><code>${code}</code></dd>
        <dt>Status</dt>
        <dd>${status}</dd>
        <dt>What to do</dt>
        <dd>${inline(advice)}</dd>
        <dt>Retry the same request?</dt>
        <dd>${retry ? 'Yes, after the seconds in Retry-After.' : 'No, it would be refused again.'}</dd>
      </dl>
      <h2>Example</h2>
      <pre tabindex="0"><code>${JSON.stringify(example, null, 2)}</code></pre>`,
  )
}
