import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common'
import { causesOf, LOGGER, type Logger } from '@catamaran/platform'
import type { JWK } from 'jose'
import { z } from 'zod'
import { CONFIG, type Config } from '../config.js'

const Key = z.union([
  z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string(), d: z.string(), kid: z.string() }),
  z.object({
    ...{ kty: z.literal('RSA'), kid: z.string(), n: z.string(), e: z.string() },
    ...{ d: z.string(), p: z.string(), q: z.string(), dp: z.string(), dq: z.string(), qi: z.string() },
  }),
])
const File = z.object({ keys: z.array(Key) })

const ALGORITHMS = ['EdDSA', 'RS256']
const LOOK_EVERY_MS = 1_000

/** Ed25519 keys sign access tokens as EdDSA, RSA keys ID tokens as RS256; whatever `alg` the file gives them. */
const withAlg = (key: z.infer<typeof Key>): JWK => ({ ...key, alg: key.kty === 'OKP' ? 'EdDSA' : 'RS256', use: 'sig' })

/**
 * The signing keys, from a file of private JWKs: the first of each algorithm signs, all are published. A changed file is seen within a second.
 * A key that is new signs only after `signingDelayMs`, so that nobody sees its signature before it could be fetched, as long as the key that
 * signed until then is still in the file; otherwise (it was withdrawn) the new one signs at once.
 */
@Injectable()
export class SigningKeys implements OnApplicationShutdown {
  private keys: JWK[]
  private readonly listeners: ((keys: JWK[]) => void)[] = []
  private promotion: NodeJS.Timeout | undefined

  constructor(
    @Inject(CONFIG) private readonly config: Pick<Config, 'oidc'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.keys = this.read()
    watchFile(this.path, { interval: LOOK_EVERY_MS, persistent: false }, () => this.reload())
  }

  /** In the order in which they sign. Private parts included. */
  current(): JWK[] {
    return this.keys
  }

  onChange(listener: (keys: JWK[]) => void): void {
    this.listeners.push(listener)
  }

  onApplicationShutdown(): void {
    unwatchFile(this.path)
    clearTimeout(this.promotion)
  }

  private get path(): string {
    return this.config.oidc.signingKeysFile
  }

  private reload(): void {
    try {
      const next = this.read()
      const known = new Set(this.keys.map(({ kid }) => kid))
      const mayWait = next.filter(({ kid }) => known.has(kid))
      const isUsable = ALGORITHMS.every((alg) => mayWait.some((key) => key.alg === alg))
      clearTimeout(this.promotion)
      if (isUsable && mayWait.length < next.length) {
        this.use([...mayWait, ...next.filter(({ kid }) => !known.has(kid))], 'published')
        this.promotion = setTimeout(() => this.use(next, 'signing'), this.config.oidc.signingDelayMs).unref()
      } else {
        this.use(next, 'signing')
      }
    } catch (error) {
      this.logger.error({ causes: causesOf(error) }, 'the signing keys file is not usable; the keys at hand go on')
    }
  }

  private use(keys: JWK[], state: string): void {
    this.keys = keys
    for (const listener of this.listeners) listener(keys)
    this.logger.info({ kids: keys.map(({ kid }) => kid) }, `signing keys: ${state}`)
  }

  private read(): JWK[] {
    const parsed = File.safeParse(parse(readFileSync(this.path, 'utf8')))
    if (!parsed.success) throw new Error('expected {"keys": [...]} of private Ed25519 and RSA JWKs, each with a kid')
    const keys = parsed.data.keys.map(withAlg)
    for (const alg of ALGORITHMS) if (!keys.some((key) => key.alg === alg)) throw new Error(`expected at least one key for ${alg}`)
    return keys
  }
}

/** Undefined for what is not JSON. What a parser says of a file, it quotes, and this file is secret. */
const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
