import { idSchema, pageOf } from '@catamaran/contracts'
import { z } from 'zod'
import { Email } from '../users/users.schema.js'
import { PartnerRole } from './partners.schema.js'

export const InvitationId = idSchema('invitation')

export const Invite = z.strictObject({ email: Email, role: PartnerRole }).meta({ id: 'Invite' })
export type Invite = z.output<typeof Invite>

export const Invitation = z
  .strictObject({
    id: InvitationId,
    email: z.string(),
    role: PartnerRole,
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: 'Invitation' })
export type Invitation = z.infer<typeof Invitation>
export const InvitationPage = pageOf(Invitation, 'InvitationPage')

export const AcceptInvitation = z
  .strictObject({ token: z.string().min(1).max(128).meta({ description: 'The `token` of the link in the mail' }) })
  .meta({ id: 'AcceptInvitation' })
export type AcceptInvitation = z.infer<typeof AcceptInvitation>

/** What the link of an invitation holds. */
export const Offer = z.object({ partnerId: idSchema('partner'), partner: z.string(), email: z.string(), role: PartnerRole })
export type Offer = z.infer<typeof Offer>
