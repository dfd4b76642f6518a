import { html, inline, page, prose, type Html } from './html.js'
import { exampleOf, nameOf, schemaTable, typeOf, type Schema, type Schemas } from './schemas.js'

interface Parameter {
  name: string
  in: string
  required?: boolean
  description?: string
  schema?: Schema
}
interface Answer {
  $ref?: string
  description?: string
  content?: Record<string, { schema?: Schema }>
}
interface Operation {
  operationId: string
  tags?: string[]
  summary?: string
  description?: string
  parameters?: Parameter[]
  requestBody?: { required?: boolean; content: Record<string, { schema?: Schema }> }
  responses: Record<string, Answer>
  security?: Record<string, string[]>[]
  /** The least role in the partner that the request is about. */
  'x-partner-role'?: string
  /** How old the sign-in may be, in seconds. */
  'x-max-age'?: number
}
/** The parts of an OpenAPI 3.1 document that the page shows. */
export interface OpenApi {
  info: { title: string; summary?: string; description?: string }
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Schemas; responses?: Record<string, Answer> }
}

interface Route {
  method: string
  path: string
  operation: Operation
}

/** The reference as one page without scripts: routes by tag, what each takes and answers with an example to paste, then the schemas. */
export const referencePage = (document: OpenApi): string => {
  const routes = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ method, path, operation })),
  )
  const groups = [...Map.groupBy(routes, ({ operation }) => operation.tags?.[0] ?? 'Other')].sort(([a], [b]) => (a < b ? -1 : 1))
  return page(
    'Reference',
    html`<section class="intro">
        <h1>${document.info.title} API</h1>
        <p class="lead">${document.info.summary}</p>
        ${prose(document.info.description)}
      </section>
      ${groups.map(
        ([tag, routesOfTag]) =>
          html`<h2 id="${anchor(tag)}">${tag}</h2>
            ${routesOfTag.map((route) => routeSection(route, document))}`,
      )}
      <h2 id="schemas">Schemas</h2>
      ${Object.entries(document.components.schemas).map(([name, schema]) => schemaSection(name, schema))}`,
    navigation(groups, Object.keys(document.components.schemas)),
  )
}

const anchor = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
const idOf = ({ operation }: Route): string => anchor(operation.operationId)

const navigation = (groups: [string, Route[]][], schemas: string[]): Html =>
  html`<details class="side">
    <summary>Contents</summary>
    <nav aria-label="Contents">
      ${groups.map(
        ([tag, routes]) =>
          html`<p><a href="#${anchor(tag)}">${tag}</a></p>
            <ul>
              ${routes.map(
                (route) =>
                  html`<li>
                    <a href="#${idOf(route)}">${badge(route.method)}<span>${route.operation.summary ?? route.path}</span></a>
                  </li>`,
              )}
            </ul>`,
      )}
      <p><a href="#schemas">Schemas</a></p>
      <ul>
        ${schemas.map(
          (name) =>
            html`<li>
              <a href="#schema-${name}"><span>${name}</span></a>
            </li>`,
        )}
      </ul>
    </nav>
  </details>`

const badge = (method: string): Html => html`<b class="method ${method}">${method.toUpperCase()}</b>`

const routeSection = (route: Route, document: OpenApi): Html => {
  const { method, path, operation } = route
  const scopes = [...new Set((operation.security ?? []).flatMap((scheme) => Object.values(scheme).flat()))]
  return html`<section class="route" id="${idOf(route)}">
    <h3><a href="#${idOf(route)}">${operation.summary ?? path}</a></h3>
    <p class="line">${badge(method)}<code>${path}</code></p>
    ${prose(operation.description)}
    <p class="scope">${scopes.length === 0 ? 'Anybody may call this.' : accessOf(operation, scopes)}</p>
    ${parametersTable(operation.parameters ?? [])} ${bodySection(operation)} ${answersTable(operation, document)}
    <details>
      <summary>Example</summary>
      <pre tabindex="0"><code>${curlOf(route, document.components.schemas, scopes.length > 0)}</code></pre>
    </details>
  </section>`
}

const accessOf = (operation: Operation, scopes: readonly string[]): Html => {
  const { 'x-partner-role': role, 'x-max-age': maxAgeS } = operation
  const takesKeys = operation.security?.some((scheme) => 'apiKey' in scheme) === true
  return html`Needs an access token${takesKeys && ' or API key'} with
  ${scopes.map((scope) => html`<code>${scope}</code>`)}${role !== undefined && html`, the role <code>${role}</code> in the partner`}${
    maxAgeS !== undefined && html`, and a sign-in of the last ${Math.round(maxAgeS / 60)} minutes`
  }.`
}

const parametersTable = (parameters: readonly Parameter[]): Html | false =>
  parameters.length > 0 &&
  html`<h4>Parameters</h4>
    <div class="scroll">
      <table class="fields">
        <tbody>
          ${parameters.map(
            (parameter) =>
              html`<tr>
                <th scope="row"><code>${parameter.name}</code>${parameter.required === true && html` <em>required</em>`}</th>
                <td>
                  <span class="type">${parameter.in}, ${typeOf(parameter.schema ?? {})}</span>
                  ${parameter.description !== undefined && html`<br />${inline(parameter.description)}`}
                </td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`

const bodySection = ({ requestBody }: Operation): Html | false => {
  const [type, media] = Object.entries(requestBody?.content ?? {})[0] ?? []
  return (
    media?.schema !== undefined &&
    html`<h4>Body</h4>
      <p><code>${type}</code>, ${schemaLink(media.schema)}</p>`
  )
}

const answersTable = ({ responses }: Operation, { components }: OpenApi): Html =>
  html`<h4>Answers</h4>
    <div class="scroll">
      <table class="answers">
        <tbody>
          ${Object.entries(responses).map(([status, given]) => {
            const answer = given.$ref === undefined ? given : (components.responses?.[nameOf(given.$ref)] ?? {})
            const schema = Object.values(answer.content ?? {})[0]?.schema
            return html`<tr>
              <th scope="row"><span class="status s${status[0]}">${status}</span></th>
              <td>${inline(answer.description ?? '')}${schema !== undefined && schemaLink(schema)}</td>
            </tr>`
          })}
        </tbody>
      </table>
    </div>`

const schemaLink = (schema: Schema): Html => {
  const name = schema.$ref === undefined ? undefined : nameOf(schema.$ref)
  return name === undefined ? html`<span class="type">${typeOf(schema)}</span>` : html`<a href="#schema-${name}">${name}</a>`
}

const schemaSection = (name: string, schema: Schema): Html =>
  html`<section class="schema" id="schema-${name}">
    <h3><a href="#schema-${name}">${name}</a></h3>
    ${prose(schema.description)} ${schemaTable(schema)}
  </section>`

/** A call to paste into a shell. \`$GATEWAY\` and \`$TOKEN\` are the reader's. */
const curlOf = ({ method, path, operation }: Route, schemas: Schemas, needsToken: boolean): string => {
  const parameters = operation.parameters ?? []
  const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const schema = parameters.find((parameter) => parameter.in === 'path' && parameter.name === name)?.schema
    return String(exampleOf(schema ?? { type: 'string' }, schemas))
  })
  const lines = [`curl ${method === 'get' ? '' : `-X ${method.toUpperCase()} `}"$GATEWAY${url}"`]
  if (needsToken) lines.push(`-H "Authorization: Bearer $TOKEN"`)
  for (const { name, required } of parameters.filter((parameter) => parameter.in === 'header')) {
    if (required === true) lines.push(`-H "${name}: $(uuidgen)"`)
  }
  const body = Object.entries(operation.requestBody?.content ?? {})[0]
  if (body?.[1].schema !== undefined) {
    lines.push(
      `-H "Content-Type: ${body[0]}"`,
      `-d '${JSON.stringify(exampleOf(body[1].schema, schemas), null, 2).replaceAll("'", "'\\''")}'`,
    )
  }
  return lines.join(' \\\n  ')
}
