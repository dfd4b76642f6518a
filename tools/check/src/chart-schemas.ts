import { SERVICES, type ServiceName } from '@catamaran/contracts'
import { z } from 'zod'

/** Variables that the charts set themselves, of what an installation says elsewhere in its values. Files come from the Secret. */
const SET_BY_CHARTS = new Set([
  ...['HOST', 'PORT', 'ADMIN_HOST', 'ADMIN_PORT', 'SHUTDOWN_MS', 'RELEASE', 'ISSUER_URL', 'AUTH_URL', 'CORE_URL', 'AUX_URL'],
  ...['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_TRACES_SAMPLER_ARG', 'DATABASE_URL', 'DATABASE_AUTH', 'REDIS_URL', 'REDIS_MODE'],
  ...['AWS_REGION', 'DYNAMODB_ENDPOINT', 'DYNAMODB_TABLE_PREFIX', 'KAFKA_BROKERS', 'KAFKA_TLS', 'KAFKA_AUTH', 'KAFKA_USERNAME'],
])
const isFile = (name: string): boolean => /_(FILE|DIR)$/.test(name)
/** What an installation must say. */
const said = z.string().min(1)
const port = z.int().min(1).max(65_535)
const cidr = z.string().regex(/^[0-9a-fA-F:.]+\/[0-9]{1,3}$/)
const raw = z.looseObject({})
const variable = z.union([z.string(), z.number(), z.boolean()])
const quantities = z.strictObject({ cpu: z.union([z.string(), z.number()]).optional(), memory: z.string().optional() })
const resources = z.strictObject({ requests: quantities.optional(), limits: quantities.optional() })
const seconds = z.string().regex(/^[0-9]+[sm]$/)
const url = z.string().regex(/^(https?:\/\/.*)?$/)
const strings = z.record(z.string(), z.string())
const tag = z.string().regex(/^[\w.-]*$/)

/** The names in a service's own schema of its environment. */
const namesOf = (schema: z.ZodType): string[] => {
  const object = schema instanceof z.ZodPipe ? (schema.in as z.ZodType) : schema
  if (!(object instanceof z.ZodObject)) throw new Error('expected the configuration schema to be an object, transformed or not')
  return Object.keys(object.shape)
}
const variables = (names: readonly string[]) =>
  z.strictObject(
    Object.fromEntries(names.filter((name) => !SET_BY_CHARTS.has(name) && !isFile(name)).map((name) => [name, variable.optional()])),
  )

const stores = z.strictObject({
  postgres: z.strictObject({
    host: z.string(),
    port,
    tls: z.boolean(),
    auth: z.enum(['password', 'aws-iam', 'google-iam']),
    networks: z.array(cidr),
  }),
  redis: z.strictObject({
    url: z.string().regex(/^(rediss?:\/\/.*)?$/),
    mode: z.enum(['single', 'cluster']),
    auth: z.enum(['none', 'password']),
    port,
    networks: z.array(cidr),
  }),
  kafka: z.strictObject({
    brokers: z.array(z.string().regex(/^[^:,]+:[0-9]+$/)),
    tls: z.boolean(),
    auth: z.enum(['none', 'scram-sha-512', 'aws-iam', 'google-iam']),
    port,
    networks: z.array(cidr),
  }),
  dynamodb: z.strictObject({
    region: z.string(),
    endpoint: url,
    auth: z.enum(['identity', 'none']),
    tablePrefix: z.string(),
  }),
})

const alert = z.strictObject({
  name: said.regex(/^[a-z0-9-]+$/),
  severity: z.enum(['info', 'warn', 'error']),
  type: z.enum(['slack', 'msteams', 'discord', 'rocket', 'gchat']),
  channel: z.string().optional(),
  username: z.string().optional(),
  address: z.string().optional(),
  secretRef: z.strictObject({ name: said }).optional(),
})
const series = z.string().regex(/^[a-z0-9_]+\{.*\}$/)
const percent = z.number().min(0).max(100)
const canary = z.strictObject({
  enabled: z.boolean(),
  strategy: z.enum(['weights', 'headers', 'bluegreen']),
  weights: z.array(z.int().min(1).max(100)).min(1),
  iterations: z.int().min(1),
  match: z.array(raw),
  gateways: z.array(said),
  progressDeadlineSeconds: z.int().min(1),
  requests: z.strictObject({ judged: z.boolean(), successRate: percent, p99Ms: z.int().min(1) }),
  metrics: z.record(
    z.string().regex(/^[a-z0-9-]+$/),
    z
      .strictObject({
        part: z.array(series).min(1).optional(),
        whole: z.array(series).min(1).optional(),
        query: said.optional(),
        min: z.number().optional(),
        max: z.number().optional(),
      })
      .nullable(),
  ),
  objectives: z.array(said),
})

/** For all of them; `canary` is what each has of its own. */
const canaries = z.strictObject({
  enabled: z.boolean(),
  prometheus: said.regex(/^https?:\/\//),
  interval: seconds,
  window: seconds,
  threshold: z.int().min(1),
  fewest: z.int().min(1),
  loadTester: url,
  url,
  smoke: z.string(),
  load: z.string(),
  alerts: z.array(alert),
})
const mesh = z.strictObject({
  trustDomain: said,
  system: said,
  tokens: z.strictObject({ checked: z.boolean(), jwksUri: url, jwks: z.string(), refreshSeconds: z.int().min(1) }),
  registryOnly: z.boolean(),
  outside: z.record(
    z.string().regex(/^[a-z0-9-]+$/),
    z.strictObject({
      hosts: z.array(said.regex(/^(\*\.)?[a-z0-9.-]+$/)).min(1),
      port: port.optional(),
      services: z.array(z.enum(SERVICES)),
    }),
  ),
  accessLog: z.boolean(),
  ingress: z.strictObject({ namespace: said, serviceAccount: said, labels: z.record(z.string(), z.string().nullable()) }),
})

const globalValues = (common: readonly string[]) =>
  z.strictObject({
    domain: said.regex(/^[a-z0-9.-]+$/),
    issuer: url,
    config: variables(common),
    image: z.strictObject({
      registry: said,
      tag,
      pullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']),
    }),
    podAnnotations: strings,
    podLabels: strings,
    imagePullSecrets: z.array(z.strictObject({ name: said })),
    caConfigMap: z.string(),
    identity: z.strictObject({
      googleProject: z.string().regex(/^[a-z0-9-]*$/),
      awsRoles: z.string().regex(/^(arn:aws[\w-]*:iam::[0-9]{12}:role\/.+)?$/),
    }),
    secrets: z.strictObject({
      store: z.string(),
      prefix: z.string().regex(/^[A-Za-z0-9_-]*$/),
      refreshInterval: z.string().regex(/^[0-9]+[smh]$/),
    }),
    stores,
    egress: z.array(raw),
    otlp: z.strictObject({ endpoint: url, namespace: said, sampled: z.number().min(0).max(1) }),
    canary: canaries,
    metricsFrom: said,
    mesh,
  })

const serviceValues = (names: readonly string[], common: readonly string[]) => {
  const own = names.filter((name) => !SET_BY_CHARTS.has(name))
  return z.strictObject({
    global: globalValues(common),
    tag,
    digest: z.string().regex(/^(sha256:[0-9a-f]{64})?$/),
    public: z.boolean(),
    database: z.string().regex(/^[a-z_]*$/),
    redis: z.boolean(),
    kafka: z.boolean(),
    dynamodb: z.boolean(),
    config: variables(names),
    secret: z.strictObject({ variables: z.array(z.enum(own)), files: z.partialRecord(z.enum(names.filter(isFile)), said) }),
    publicKeys: z.string(),
    internet: z.array(port),
    podAnnotations: strings,
    podLabels: strings,
    nodeFlags: z.array(z.string().regex(/^--/)),
    resources,
    migration: z.strictObject({ podAnnotations: strings, podLabels: strings, resources, deadlineSeconds: z.int().min(1) }),
    mesh: z.strictObject({ timeout: z.string().regex(/^[0-9]+s$/), maxRequests: z.int().min(1), anyHost: z.boolean() }),
    canary,
    autoscaling: z.strictObject({
      min: z.int().min(1),
      max: z.int().min(1),
      cpu: z.int().min(1).max(100),
      metrics: z.array(raw),
    }),
    drainSeconds: z.int().min(1),
    preStopSeconds: z.int().min(0),
    /** The library's own values, which Helm puts there. */
    service: raw.optional(),
  })
}

const installation = (common: readonly string[]) =>
  z.strictObject({
    global: globalValues(common),
    edge: z.strictObject({
      certificate: z.string(),
      parent: z.strictObject({ name: said.optional(), namespace: said.optional(), sectionName: said.optional() }),
    }),
    test: z.strictObject({ enabled: z.boolean(), url, mail: url, podAnnotations: strings }),
    ...Object.fromEntries(SERVICES.map((name) => [name, raw.optional()])),
    service: raw.optional(),
  })

/** Nothing is required: Helm's lint looks at a chart's own values before it imports the library's. What must be said is empty there, and refused so. */
const text = (schema: z.ZodType): string =>
  `${JSON.stringify(z.toJSONSchema(schema, { target: 'draft-7', override: ({ jsonSchema }) => void delete jsonSchema.required }), null, 2)}\n`

/** `values.schema.json` of each service's chart and of `catamaran`: variables are those that the services' own schemas know. */
export function valuesSchemas(configs: ReadonlyMap<string, z.ZodType>): Record<ServiceName | 'catamaran', string> {
  const names = new Map(SERVICES.map((service) => [service, namesOf(configs.get(service) ?? z.never())]))
  const [first = [], ...others] = names.values()
  const common = first.filter((name) => others.every((list) => list.includes(name)))
  const own = [...names].map(([service, list]) => [service, text(serviceValues(list, common))])
  return { ...Object.fromEntries(own), catamaran: text(installation(common)) } as Record<ServiceName | 'catamaran', string>
}
