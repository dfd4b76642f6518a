import { createHash, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Inject, Injectable } from '@nestjs/common'
import { callScopesOf, idOf, SERVICES, type PartnerId, type ServiceName } from '@catamaran/contracts'
import { Database } from '@catamaran/data'
import type { Adapter, AdapterPayload, Client } from 'oidc-provider'
import { z } from 'zod'
import { CLOCK, CONFIG, type Clock, type Config } from '../config.js'

interface ClientRow {
  name: string
  applicationType: 'web' | 'native'
  authMethod: 'none' | 'client_secret' | 'private_key_jwt'
  secretHash: string | null
  grantTypes: string[]
  redirectUris: string[]
  postLogoutRedirectUris: string[]
  scopes: string[]
  jwks: NonNullable<AdapterPayload['jwks']> | null
  partnerId: string | null
  plan: string | null
}

const FIND = {
  name: 'client.find',
  text: `select oidc_client.name, application_type as "applicationType", auth_method as "authMethod", secret_hash as "secretHash", grant_types as "grantTypes",
      redirect_uris as "redirectUris", post_logout_redirect_uris as "postLogoutRedirectUris", scopes,
      jwks, partner_id as "partnerId", partner.plan
    from oidc_client left join partner on partner.id = partner_id
    where oidc_client.id = $1 and revoked_at is null and (partner_id is null or partner.status = 'active')`,
}

const PublicKey = z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string(), kid: z.string().optional() })
const PublicKeys = z.union([z.object({ keys: z.array(PublicKey).min(1) }), PublicKey.transform((key) => ({ keys: [key] }))])

/** Our own member of a client's metadata: the scopes a token of it may carry, separated by spaces. */
export const CLIENT_SCOPES = 'catamaran_scopes'

/** Our own member of the metadata of a partner's client: whose it is, and when that was so (epoch seconds). */
export const CLIENT_PARTNER = 'catamaran_partner'

const isService = (id: string): id is ServiceName => (SERVICES as readonly string[]).includes(id)

/** What a client may ask for. */
export const scopesOf = (client: Client): string[] =>
  ((client[CLIENT_SCOPES] as string | undefined) ?? '').split(' ').filter((scope) => scope !== '')

export interface ClientPartner {
  readonly id: PartnerId
  readonly plan: string
  readonly readAtS: number
}

/** The partner that a client speaks for; undefined for our own clients. */
export const partnerOf = (client: Client | undefined): ClientPartner | undefined => client?.[CLIENT_PARTNER] as ClientPartner | undefined

/** Whether a secret is the one that was hashed: random secrets need no slow hash. */
export const isClientSecret = (secret: string, stored: string): boolean => {
  const given = Buffer.from(`sha256$${createHash('sha256').update(secret).digest('base64url')}`)
  const expected = Buffer.from(stored)
  return given.length === expected.length && timingSafeEqual(given, expected)
}

/** OIDC clients: the services with their public keys from files, everybody else from PostgreSQL. Those of a partner exist while it is active. */
@Injectable()
export class ClientsRepository {
  constructor(
    private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly now: Clock,
  ) {}

  /** A client's metadata in the terms of OpenID Connect Registration. Read anew each time, so that a changed key or secret counts at once. */
  find(id: string): Promise<AdapterPayload | undefined> {
    return isService(id) ? this.findService(id) : this.findRow(id)
  }

  /** As oidc-provider's storage, which only reads them. */
  adapter(): Adapter {
    const refuse = (): Promise<never> => Promise.reject(new Error('clients are rows of oidc_client'))
    return {
      find: (id) => this.find(id),
      ...{ upsert: refuse, consume: refuse, destroy: refuse, revokeByGrantId: refuse, findByUid: refuse, findByUserCode: refuse },
    }
  }

  private async findService(id: ServiceName): Promise<AdapterPayload | undefined> {
    const path = join(this.config.oidc.serviceKeysDir, `${id}.json`)
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined // a service that is not deployed here
      throw error
    })
    if (text === undefined) return undefined
    const keys = PublicKeys.safeParse(JSON.parse(text))
    if (!keys.success) throw new Error(`${path} is not the public Ed25519 JWK (or JWK set) of ${id}`)
    return {
      client_id: id,
      client_name: id,
      token_endpoint_auth_method: 'private_key_jwt',
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
      jwks: keys.data,
      [CLIENT_SCOPES]: callScopesOf(id).join(' '),
    }
  }

  private async findRow(id: string): Promise<AdapterPayload | undefined> {
    const readAtS = Math.floor(this.now() / 1_000)
    const [row] = await this.database.query<ClientRow>(FIND, [id])
    if (row === undefined) return undefined
    const { partnerId, plan } = row
    return {
      client_id: id,
      client_name: row.name,
      application_type: row.applicationType,
      // oidc-provider takes basic and post alike for either of the two.
      token_endpoint_auth_method: row.authMethod === 'client_secret' ? 'client_secret_basic' : row.authMethod,
      ...(row.jwks === null ? {} : { jwks: row.jwks }),
      ...(row.secretHash === null ? {} : { client_secret: row.secretHash }),
      grant_types: row.grantTypes,
      response_types: row.grantTypes.includes('authorization_code') ? ['code'] : [],
      redirect_uris: row.redirectUris,
      post_logout_redirect_uris: row.postLogoutRedirectUris,
      [CLIENT_SCOPES]: row.scopes.join(' '),
      ...(partnerId !== null &&
        plan !== null && { [CLIENT_PARTNER]: { id: idOf('partner', partnerId), plan, readAtS } satisfies ClientPartner }),
    }
  }
}
