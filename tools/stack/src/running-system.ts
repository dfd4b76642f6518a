export interface RunningService {
  readonly url: string
  /** The base URL of its probes and metrics. */
  readonly admin: string
  readonly pid: number
}

export interface RunningEngines {
  /** A role that may create roles and databases. */
  readonly databaseUrl: string
  readonly databases: Record<'auth' | 'core' | 'aux', string>
  readonly redisUrl: string
  readonly dynamodbEndpoint: string
  readonly kafkaBrokers: string[]
  /** With --reach: the broker as it is told to services elsewhere. */
  readonly kafkaOutside?: string
  /** Of the engines that were started here. */
  readonly pids: Record<string, number>
}

/** What `npm start -- --only engines --json` prints. */
export interface RunningEnginesOnly {
  readonly engines: RunningEngines
  readonly dataDir: string
  readonly logDir: string
  readonly pid: number
}

/** A partner that is active, by its OAuth client, its API key, or the person who owns it. */
export interface DemoPartner {
  readonly clientId: string
  readonly clientSecret: string
  readonly apiKey: string
  readonly owner: { readonly email: string; readonly password: string }
}

/** What `npm start -- --json` prints once all is ready, and what stands in `<data>/system.json` while it runs. */
export interface RunningSystem extends RunningEnginesOnly {
  readonly gateway: string
  readonly issuer: string
  /** Empty with --gateway. */
  readonly services: Record<string, RunningService>
  readonly sandbox: {
    readonly mail: { readonly url: string; readonly smtpUrl: string; readonly pid: number }
    readonly partner: { readonly url: string; readonly pid: number }
    readonly psp: { readonly url: string; readonly pid: number }
  }
  readonly flags: { readonly url: string; readonly file: string }
  /** Absent with --no-seed. */
  readonly demo?: {
    readonly buyer: { readonly email: string; readonly password: string }
    /** `totpSecret` is Base32, for an authenticator app. */
    readonly operator: { readonly email: string; readonly password: string; readonly totpSecret: string }
    readonly partner: DemoPartner
  }
  /** The variables each service was started with, to start a copy of it in a test. */
  readonly serviceEnv: Record<string, Record<string, string>>
}
