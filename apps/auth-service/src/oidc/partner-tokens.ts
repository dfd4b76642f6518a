import type { AccessToken, ClientCredentials, JWTStructured, KoaContextWithOIDC } from 'oidc-provider'
import { partnerOf } from './clients.repository.js'

/**
 * What a partner's client is given speaks for the partner. It is as old as our look at the partner, so that whatever is decided about the partner
 * after that concerns it.
 */
export const speakForPartner = (
  _ctx: KoaContextWithOIDC,
  { client }: AccessToken | ClientCredentials,
  { payload }: JWTStructured,
): undefined => {
  const partner = partnerOf(client)
  if (partner !== undefined) Object.assign(payload, { sub: partner.id, iat: partner.readAtS })
}
