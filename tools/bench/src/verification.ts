import { TokenVerifier } from '@catamaran/platform'
import { TestIssuer } from '@catamaran/testing'

const TOKENS = 500
const LOOKS = 200_000

const cpuUs = async (work: () => Promise<void>): Promise<number> => {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

/** What verifying a token costs a service the first time, and once it is remembered, in microseconds of CPU. */
export async function verificationCost(): Promise<{ firstUs: number; rememberedUs: number }> {
  const issuer = await TestIssuer.start()
  try {
    const make = (): Promise<string[]> => Promise.all(Array.from({ length: TOKENS }, () => issuer.token({ scopes: ['orders:read'] })))
    const verifier = new TokenVerifier({ issuer: issuer.issuer, jwksUrl: `${issuer.url}/oidc/jwks` })
    const verifyAll = async (tokens: readonly string[]): Promise<void> => {
      for (const token of tokens) await verifier.verify(token)
    }
    await verifyAll(await make()) // until the compiler knows it
    const tokens = await make()
    const first = await cpuUs(() => verifyAll(tokens))
    const remembered = await cpuUs(async () => {
      for (let at = 0; at < LOOKS; at++) void verifier.verify(tokens[at % TOKENS] as string)
    })
    return { firstUs: first / TOKENS, rememberedUs: remembered / LOOKS }
  } finally {
    await issuer.close()
  }
}
