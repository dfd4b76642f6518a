import { idSchema, pageOf, PARTNER_ROLES, PageQuery } from '@catamaran/contracts'
import { z } from 'zod'

export const PARTNER_STATUSES = ['pending', 'active', 'rejected', 'suspended'] as const
export const PartnerStatus = z.enum(PARTNER_STATUSES).meta({
  id: 'PartnerStatus',
  description: 'A new partner is pending until an operator looks at it. Its keys and clients work while it is active',
})
export type PartnerStatus = z.infer<typeof PartnerStatus>

export const PartnerRole = z.enum(PARTNER_ROLES).meta({
  id: 'PartnerRole',
  description: 'Viewers read; developers also manage API keys and clients; owners also manage members and the partner itself',
})

export const PartnerId = idSchema('partner')
export const UserId = idSchema('user')

/** A text on one line that people see in mails and lists: no control or formatting characters to hide something in. */
export const Name = (max: number) =>
  z
    .string()
    .transform((text) => text.trim().normalize('NFC'))
    .pipe(
      z
        .string()
        .min(1)
        .max(max)
        .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u, 'Use no control characters.'),
    )
    .meta({ minLength: 1, maxLength: max })

export const NewPartner = z.strictObject({ name: Name(200) }).meta({ id: 'NewPartner' })
export type NewPartner = z.output<typeof NewPartner>

export const ChangePartner = z.strictObject({ name: Name(200) }).meta({ id: 'ChangePartner' })
export type ChangePartner = z.output<typeof ChangePartner>

const fields = {
  id: PartnerId,
  name: z.string(),
  status: PartnerStatus,
  plan: z.string().meta({ description: 'One of GET /v1/plans' }),
  reason: z.string().nullable().meta({ description: 'Why it was rejected or suspended' }),
  createdAt: z.iso.datetime(),
  decidedAt: z.iso.datetime().nullable().meta({ description: 'When an operator last decided about it' }),
}

export const Partner = z.strictObject(fields).meta({ id: 'Partner' })
export type Partner = z.infer<typeof Partner>

export const MyPartner = z.strictObject({ ...fields, role: PartnerRole }).meta({ id: 'MyPartner' })
export type MyPartner = z.infer<typeof MyPartner>
export const MyPartnerPage = pageOf(MyPartner, 'MyPartnerPage')

export const Member = z
  .strictObject({ userId: UserId, email: z.string(), displayName: z.string().nullable(), role: PartnerRole, joinedAt: z.iso.datetime() })
  .meta({ id: 'Member' })
export type Member = z.infer<typeof Member>
export const MemberPage = pageOf(Member, 'MemberPage')

export const ChangeMember = z.strictObject({ role: PartnerRole }).meta({ id: 'ChangeMember' })
export type ChangeMember = z.infer<typeof ChangeMember>

export const ListQuery = PageQuery
