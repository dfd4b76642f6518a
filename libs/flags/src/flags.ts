import { init, type LDClient, type LDContext, type LDLogger } from '@launchdarkly/node-server-sdk'
import { currentContext, followFlag, type Logger, type RequestContext } from '@catamaran/platform'
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common'
import {
  FLAGS,
  isLasting,
  isValueOf,
  type CallerFlagKey,
  type FlagKey,
  type FlagValue,
  type LastingFlagKey,
  type Metric,
} from './registry.js'

export interface FlagsOptions {
  sdkKey: string
  /** Base, stream and events address of a relay. Undefined: LaunchDarkly itself. */
  url?: string | undefined
  logger: Logger
}

/** A flag as one caller has it now. */
export interface FlagState {
  readonly key: FlagKey
  readonly value: boolean | number | string
  /** `default` while the provider was never reached, has no such flag or gives it a value that it may not take. */
  readonly decidedBy: 'provider' | 'default'
}

const START_WAIT_S = 0.9
const FLUSH_WAIT_MS = 1_000
const EVERYBODY: LDContext = { kind: 'service', key: 'catamaran', anonymous: true }
/** Callers without any id of their own share one: a roll-out has all of them or none. */
const NOBODY: LDContext = { kind: 'user', key: 'anonymous', anonymous: true }
const LASTING = (Object.keys(FLAGS) as FlagKey[]).filter(isLasting)

const callerContext = (key: string, plan: string | undefined): LDContext => ({ kind: 'user', key, ...(plan === undefined ? {} : { plan }) })

/** Who flags are asked for, as the provider's rules name them: the user's or partner's id and plan, else the device. */
const providerContextOf = ({ caller, deviceId }: RequestContext): LDContext => {
  if (caller !== undefined) return callerContext(caller.sub, caller.plan)
  return deviceId === undefined ? NOBODY : { kind: 'user', key: `device:${deviceId}`, anonymous: true }
}

/**
 * The flags of a running service, kept up to date by LaunchDarkly's stream. While the provider is away the last known values hold, and before
 * it was ever reached the defaults of the registry. Example: `if (!flags.value('payments.enabled')) …`.
 */
export class Flags implements OnModuleInit, OnApplicationShutdown {
  private readonly client: LDClient
  /** Resolves when an attempt to reach the provider has failed. */
  private readonly away: Promise<void>
  private readonly values = new Map<LastingFlagKey, FlagValue<LastingFlagKey>>(LASTING.map((key) => [key, FLAGS[key].default]))
  private readonly contexts = new WeakMap<RequestContext, LDContext>()

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
      if (this.values.has(key as LastingFlagKey)) void this.refresh(key as LastingFlagKey)
    })
    this.client.on('ready', () => void this.refreshAll())
    this.client.on('failed', (error: Error) => logger.error({ err: error }, 'the flag provider refused us: defaults hold'))
  }

  /** The value of a kill switch or setting now, at once: a look into a map, for hot paths. The log line of the request in hand tells it where it isn't the default. */
  value<K extends LastingFlagKey>(key: K): FlagValue<K> {
    const value = this.values.get(key) as FlagValue<K>
    return value === FLAGS[key].default ? value : followFlag(key, value)
  }

  /**
   * The flag's value for whoever the request in hand is for: decided at the first look, the same until the request ends, and told on its log line. Outside a
   * request it is everybody's. Example: `await flags.forCaller('search.ranking')`.
   */
  async forCaller<K extends CallerFlagKey>(key: K): Promise<FlagValue<K>> {
    const decided = currentContext()?.flags?.[key]
    if (decided !== undefined) return decided as FlagValue<K>
    const value = this.checked(key, await this.client.variation(key, this.providerContext(), FLAGS[key].default))
    return (currentContext()?.flags?.[key] as FlagValue<K> | undefined) ?? followFlag(key, value)
  }

  /** Every flag as a caller has it, or without one as everybody has; nothing is decided by it for the request in hand. */
  async stateFor(caller?: { readonly id: string; readonly plan: string | undefined }): Promise<FlagState[]> {
    const context = caller === undefined ? EVERYBODY : callerContext(caller.id, caller.plan)
    return Promise.all(
      (Object.keys(FLAGS) as FlagKey[]).map(async (key) => {
        const { value, reason } = await this.client.variationDetail(key, isLasting(key) ? EVERYBODY : context, FLAGS[key].default)
        const isDecided = reason.kind !== 'ERROR' && isValueOf(key, value)
        return { key, value: this.checked(key, value), decidedBy: isDecided ? ('provider' as const) : ('default' as const) }
      }),
    )
  }

  /** Tells the provider that the caller of the request in hand did what experiments are judged by. It is sent in the background, or lost with the provider away. */
  track(metric: Metric): void {
    if (this.client.initialized()) this.client.track(metric, this.providerContext())
  }

  /** Waits for the provider's first answer, but never as long as a second. */
  async onModuleInit(): Promise<void> {
    const ready = this.client.waitForInitialization({ timeout: START_WAIT_S }).catch(() => undefined)
    await Promise.race([ready, this.away])
    if (this.client.initialized()) await this.refreshAll()
    else this.options.logger.warn('the flag provider is away: defaults hold until it comes')
  }

  /** Sends what experiments are still to be told of, but waits no longer than a second. */
  async onApplicationShutdown(): Promise<void> {
    if (this.client.initialized()) {
      const late = new Promise((resolve) => setTimeout(resolve, FLUSH_WAIT_MS).unref())
      await Promise.race([this.client.flush().catch(() => undefined), late])
    }
    this.client.close()
  }

  private providerContext(): LDContext {
    const request = currentContext()
    if (request === undefined) return EVERYBODY
    let context = this.contexts.get(request)
    if (context === undefined) this.contexts.set(request, (context = providerContextOf(request)))
    return context
  }

  private async refreshAll(): Promise<void> {
    await Promise.all(LASTING.map((key) => this.refresh(key)))
  }

  private async refresh(key: LastingFlagKey): Promise<void> {
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
