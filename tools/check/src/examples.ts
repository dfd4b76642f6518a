/** A JSON schema as zod writes it. */
export type JsonSchema = Readonly<Record<string, unknown>> & {
  readonly $ref?: string
  readonly type?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
}
export type Schemas = Readonly<Record<string, JsonSchema>>

const BY_FORMAT: Readonly<Record<string, string>> = {
  'date-time': '2026-03-01T12:00:00.000Z',
  date: '2026-03-01',
  email: 'ada@example.com',
  uri: 'https://shop.example.com/hooks',
  url: 'https://shop.example.com/hooks',
  cidr: '192.0.2.0/24',
  uuid: '0196f1a2-7c00-7000-8000-000000000001',
  binary: '…',
}

/** Where neither the schema nor its format says enough: by the field's name. */
const BY_NAME: Readonly<Record<string, string>> = {
  currency: 'EUR',
  country: 'NL',
  code: '123456',
  locale: 'en',
  name: 'Ada Lovelace',
  password: 'four words in a row',
  token: 'the-token-of-the-link-in-the-mail',
}

const nameOf = (reference: string): string => reference.slice(reference.lastIndexOf('/') + 1)

const textExample = ({ format, pattern, minLength }: JsonSchema, field: string): string => {
  const named = (typeof format === 'string' ? BY_FORMAT[format] : undefined) ?? BY_NAME[field] ?? `some ${field || 'text'}`
  if (typeof pattern === 'string' && !new RegExp(pattern, 'u').test(named))
    return ['EUR', 'NL', '123456', 'tea', 'a'.repeat(43), '1'].find((text) => new RegExp(pattern, 'u').test(text)) ?? named
  return typeof minLength === 'number' && named.length < minLength ? named.padEnd(minLength, '.') : named
}

const objectExample = (schema: JsonSchema, schemas: Schemas): Record<string, unknown> =>
  Object.fromEntries(Object.entries(schema.properties ?? {}).map(([field, part]) => [field, exampleOf(part, schemas, field)]))

/** An example of what a schema describes: its own where it has one, else made of its parts. `field` is the name under which it stands. */
export const exampleOf = (schema: JsonSchema, schemas: Schemas, field = ''): unknown => {
  if (schema.$ref !== undefined) return exampleOf(schemas[nameOf(schema.$ref)] ?? {}, schemas, field)
  for (const given of [schema['example'], (schema['examples'] as unknown[] | undefined)?.[0], schema['const'], schema['default']])
    if (given !== undefined) return given
  if (Array.isArray(schema['enum'])) return schema['enum'][0]
  const [one] = (schema['anyOf'] ?? schema['oneOf'] ?? []) as JsonSchema[]
  if (one !== undefined) return exampleOf(one, schemas, field)
  if (Array.isArray(schema['allOf'])) return Object.assign({}, ...(schema['allOf'] as JsonSchema[]).map((part) => exampleOf(part, schemas)))
  if (schema.type === 'object' || schema.properties !== undefined) return objectExample(schema, schemas)
  if (schema.type === 'array') return schema.items === undefined ? [] : [exampleOf(schema.items, schemas, field.replace(/s$/, ''))]
  if (schema.type === 'integer' || schema.type === 'number') return schema['minimum'] ?? 1
  if (schema.type === 'boolean') return true
  return schema.type === 'null' ? null : textExample(schema, field)
}
