import type { OnApplicationShutdown } from '@nestjs/common'
import { causesOf, type Logger } from '@catamaran/platform'
import type { JWK } from 'jose'
import { z } from 'zod'
import type { KeySource } from './key-source.js'

const Key = z.union([
  z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string(), d: z.string(), kid: z.string() }),
  z.object({
    ...{ kty: z.literal('RSA'), kid: z.string(), n: z.string(), e: z.string() },
    ...{ d: z.string(), p: z.string(), q: z.string(), dp: z.string(), dq: z.string(), qi: z.string() },
  }),
])
const Keys = z.object({ keys: z.array(Key) })

const ALGORITHMS = ['EdDSA', 'RS256']

/** Ed25519 keys sign access tokens as EdDSA, RSA keys ID tokens as RS256; whatever `alg` the source gives them. */
const withAlg = (key: z.infer<typeof Key>): JWK => ({ ...key, alg: key.kty === 'OKP' ? 'EdDSA' : 'RS256', use: 'sig' })

/**
 * The signing keys, from a source of private JWKs: the first of each algorithm signs, all are published. A key that is new signs only after
 * `delayMs`, so that nobody sees its signature before it could be fetched, as long as the key that signed until then is still there; otherwise
 * (it was withdrawn) the new one signs at once.
 */
export class SigningKeys implements OnApplicationShutdown {
  private readonly listeners: ((keys: JWK[]) => void)[] = []
  private readonly stopWatching: () => void
  private promotion: NodeJS.Timeout | undefined
  /** The keys in the order in which they will sign, while a new one among them waits. */
  private coming: JWK[] | undefined
  /** Looks happen one after another: an early one that is slow must not win over a later one. */
  private looking: Promise<void> = Promise.resolve()

  private constructor(
    private keys: JWK[],
    private readonly source: KeySource,
    private readonly delayMs: number,
    private readonly logger: Logger,
  ) {
    this.stopWatching = source.watch(() => {
      this.looking = this.looking.then(() => this.reload())
    })
  }

  /** @throws Error when the source can't be read or holds no key for one of the algorithms */
  static async load(source: KeySource, delayMs: number, logger: Logger): Promise<SigningKeys> {
    return new SigningKeys(await keysOf(source), source, delayMs, logger)
  }

  /** In the order in which they sign. Private parts included. */
  current(): JWK[] {
    return this.keys
  }

  onChange(listener: (keys: JWK[]) => void): void {
    this.listeners.push(listener)
  }

  onApplicationShutdown(): void {
    this.stopWatching()
    clearTimeout(this.promotion)
  }

  private async reload(): Promise<void> {
    try {
      this.take(await keysOf(this.source))
    } catch (error) {
      this.logger.error({ causes: causesOf(error) }, 'the signing keys can’t be read anew; those at hand go on')
    }
  }

  private take(next: JWK[]): void {
    if (isSame(next, this.coming ?? this.keys)) return
    clearTimeout(this.promotion)
    this.coming = undefined
    const kids = new Set(next.map(({ kid }) => kid))
    const staying = this.keys.filter(({ kid }) => kids.has(kid))
    const fresh = next.filter(({ kid }) => !staying.some((key) => key.kid === kid))
    const canWait = fresh.length > 0 && ALGORITHMS.every((alg) => staying.some((key) => key.alg === alg))
    if (!canWait) return this.use(next, 'signing')
    this.use([...staying, ...fresh], 'published')
    this.coming = next
    this.promotion = setTimeout(() => {
      this.coming = undefined
      this.use(next, 'signing')
    }, this.delayMs).unref()
  }

  private use(keys: JWK[], state: string): void {
    this.keys = keys
    for (const listener of this.listeners) listener(keys)
    this.logger.info({ kids: keys.map(({ kid }) => kid) }, `signing keys: ${state}`)
  }
}

const isSame = (a: readonly JWK[], b: readonly JWK[]): boolean => JSON.stringify(a) === JSON.stringify(b)

const keysOf = async (source: KeySource): Promise<JWK[]> => {
  const text = await source.read().catch((error: unknown) => {
    throw new Error(`${source.name} can’t be read`, { cause: error })
  })
  const parsed = Keys.safeParse(parse(text))
  if (!parsed.success) throw new Error(`${source.name}: expected {"keys": [...]} of private Ed25519 and RSA JWKs, each with a kid`)
  const keys = parsed.data.keys.map(withAlg)
  for (const alg of ALGORITHMS)
    if (!keys.some((key) => key.alg === alg)) throw new Error(`${source.name}: expected at least one key for ${alg}`)
  return keys
}

/** Undefined for what is not JSON. What a parser says of a text, it quotes, and this one is secret. */
const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
