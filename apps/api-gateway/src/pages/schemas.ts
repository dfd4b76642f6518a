import { html, inline, type Html } from './html.js'

/** The parts of JSON Schema that zod writes. */
export interface Schema {
  $ref?: string
  type?: string | string[]
  format?: string
  enum?: unknown[]
  const?: unknown
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
  description?: string
  example?: unknown
  examples?: unknown[]
  default?: unknown
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  pattern?: string
}
export type Schemas = Record<string, Schema>

/** The name at the end of a reference. */
export const nameOf = (ref: string): string => ref.slice(ref.lastIndexOf('/') + 1)

const between = (low: number | undefined, high: number | undefined, unit: string): string => {
  if (low !== undefined && high !== undefined) return `, ${low} to ${high}${unit}`
  if (low !== undefined) return `, at least ${low}${unit}`
  return high === undefined ? '' : `, at most ${high}${unit}`
}

/** A schema in a few words: `string (date-time)`, `array of Product`, `integer, 1 to 100, default 20`. */
export const typeOf = (schema: Schema): string => {
  if (schema.$ref !== undefined) return nameOf(schema.$ref)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices !== undefined) return choices.map(typeOf).join(' or ')
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  if (schema.items !== undefined) return `array of ${typeOf(schema.items)}${between(schema.minItems, schema.maxItems, ' items')}`
  const type = Array.isArray(schema.type) ? schema.type.join(' or ') : (schema.type ?? 'anything')
  const format = schema.format === undefined ? '' : ` (${schema.format})`
  const fallback = schema.default === undefined ? '' : `, default ${JSON.stringify(schema.default)}`
  return `${type}${format}${between(schema.minimum, schema.maximum, '')}${between(schema.minLength, schema.maxLength, ' characters')}${fallback}`
}

const typeLink = (schema: Schema): Html => {
  const target = schema.$ref ?? schema.items?.$ref ?? schema.anyOf?.find((choice) => choice.$ref !== undefined)?.$ref
  return target === undefined ? html`${typeOf(schema)}` : html`<a href="#schema-${nameOf(target)}">${typeOf(schema)}</a>`
}

/** The fields of an object, nested ones under their path; for anything else its type. */
export const schemaTable = (schema: Schema): Html => {
  const rows = rowsOf(schema, '')
  if (rows.length === 0) return html`<p class="type">${typeOf(schema)}</p>`
  return html`<div class="scroll">
    <table class="fields">
      <tbody>
        ${rows.map(
          ({ path, field, isRequired }) =>
            html`<tr>
              <th scope="row"><code>${path}</code>${!isRequired && html` <em>optional</em>`}</th>
              <td>
                <span class="type">${typeLink(field)}</span>
                ${field.description !== undefined && html`<br />${inline(field.description)}`}
              </td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

interface Row {
  path: string
  field: Schema
  isRequired: boolean
}

const rowsOf = (schema: Schema, prefix: string): Row[] =>
  Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`
    const row = { path, field, isRequired: schema.required?.includes(name) === true }
    return [row, ...rowsOf(field, `${path}.`), ...rowsOf(field.items ?? {}, `${path}[].`)]
  })

const EXAMPLES: Readonly<Record<string, unknown>> = {
  'date-time': '2026-11-23T09:30:00Z',
  email: 'ada@example.com',
  uri: 'https://example.com/',
  uuid: '01890a5d-ac96-774b-bcce-b302099a8057',
}

/** A value that fits the schema well enough to show. Optional fields without an example of their own are left out. */
export const exampleOf = (schema: Schema, schemas: Schemas): unknown => {
  if (schema.$ref !== undefined) return exampleOf(schemas[nameOf(schema.$ref)] ?? {}, schemas)
  const given = schema.example ?? schema.examples?.[0] ?? schema.const ?? schema.enum?.[0] ?? schema.default
  if (given !== undefined) return given
  const choice = schema.anyOf?.[0] ?? schema.oneOf?.[0]
  if (choice !== undefined) return exampleOf(choice, schemas)
  if (schema.properties !== undefined) {
    const required = Object.entries(schema.properties).filter(([name]) => schema.required?.includes(name) === true)
    return Object.fromEntries(required.map(([name, field]) => [name, exampleOf(field, schemas)]))
  }
  if (schema.items !== undefined) return [exampleOf(schema.items, schemas)]
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  if (type === 'integer' || type === 'number') return schema.minimum ?? 1
  if (type === 'boolean') return true
  if (schema.format !== undefined && schema.format in EXAMPLES) return EXAMPLES[schema.format]
  return 'text'.padEnd(schema.minLength ?? 0, '-')
}
