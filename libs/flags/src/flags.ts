import { init, type LDClient, type LDContext, type LDLogger } from '@launchdarkly/node-server-sdk'
import type { Logger } from '@catamaran/platform'
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common'
import { FLAGS, isValueOf, type FlagKey, type FlagValue } from './registry.js'

export interface FlagsOptions {
  sdkKey: string
  /** Base, stream and events address of a relay. Undefined: LaunchDarkly itself. */
  url?: string | undefined
  logger: Logger
}

/** Who a flag is asked for, where it may differ between users. */
export interface FlagContext {
  /** The user's or client's id. */
  key: string
  plan?: string | undefined
}

const START_WAIT_S = 0.9
const EVERYBODY: LDContext = { kind: 'service', key: 'catamaran', anonymous: true }
const KEYS = Object.keys(FLAGS) as FlagKey[]

/**
 * The flags of a running service, kept up to date by LaunchDarkly's stream. While the provider is away the last known values hold, and before
 * it was ever reached the defaults of the registry. Example: `if (!flags.value('orders.accept')) …`.
 */
export class Flags implements OnModuleInit, OnApplicationShutdown {
  private readonly client: LDClient
  /** Resolves when an attempt to reach the provider has failed. */
  private readonly away: Promise<void>
  private readonly values = new Map<FlagKey, boolean | number>(KEYS.map((key) => [key, FLAGS[key].default]))

  constructor(private readonly options: FlagsOptions) {
    const { sdkKey, url, logger } = options
    let isAway = (): void => undefined
    this.away = new Promise((resolve) => (isAway = resolve))
    this.client = init(sdkKey, {
      logger: sdkLogger(logger, () => isAway()),
      diagnosticOptOut: true,
      ...(url === undefined ? {} : { baseUri: url, streamUri: url, eventsUri: url }),
    })
    this.client.on('update', ({ key }: { key: string }) => {
      if (key in FLAGS) void this.refresh(key as FlagKey)
    })
    this.client.on('ready', () => void this.refreshAll())
    this.client.on('failed', (error: Error) => logger.error({ err: error }, 'the flag provider refused us: defaults hold'))
  }

  /** The flag's value for everybody, at once: a look into a map, for hot paths. */
  value<K extends FlagKey>(key: K): FlagValue<K> {
    return this.values.get(key) as FlagValue<K>
  }

  /** The flag's value for one user or client. */
  async valueFor<K extends FlagKey>(key: K, { key: userKey, plan }: FlagContext): Promise<FlagValue<K>> {
    const context: LDContext = { kind: 'user', key: userKey, ...(plan === undefined ? {} : { plan }) }
    return this.checked(key, await this.client.variation(key, context, this.value(key)))
  }

  /** Waits for the provider's first answer, but never as long as a second. */
  async onModuleInit(): Promise<void> {
    const ready = this.client.waitForInitialization({ timeout: START_WAIT_S }).catch(() => undefined)
    await Promise.race([ready, this.away])
    if (this.client.initialized()) await this.refreshAll()
    else this.options.logger.warn('the flag provider is away: defaults hold until it comes')
  }

  onApplicationShutdown(): void {
    this.client.close()
  }

  private async refreshAll(): Promise<void> {
    await Promise.all(KEYS.map((key) => this.refresh(key)))
  }

  private async refresh(key: FlagKey): Promise<void> {
    if (!this.client.initialized()) return
    this.values.set(key, this.checked(key, await this.client.variation(key, EVERYBODY, FLAGS[key].default)))
  }

  private checked<K extends FlagKey>(key: K, value: unknown): FlagValue<K> {
    if (isValueOf(key, value)) return value
    this.options.logger.warn({ flag: key, expected: FLAGS[key].type }, 'a flag has a value it may not take: its default holds')
    return FLAGS[key].default as FlagValue<K>
  }
}

/** The SDK's own words at debug: what matters of them this class says itself. Only here does it tell that an attempt has failed. */
const sdkLogger = (logger: Logger, onTrouble: () => void): LDLogger => {
  const line = (...parts: unknown[]): void => logger.debug({ flags: parts.map(String) }, 'flag provider')
  const trouble = (...parts: unknown[]): void => {
    onTrouble()
    line(...parts)
  }
  return { error: trouble, warn: trouble, info: line, debug: () => undefined }
}
