import { idSchema, pageOf, PageQuery, Plan } from '@catamaran/contracts'
import { z } from 'zod'
import { Name, Partner, PartnerStatus, type PartnerStatus as Status } from './partners.schema.js'

/** What an operator can decide, in which states, and what comes of it. Whatever does not stand here is refused. */
export const DECISIONS = {
  approve: { from: ['pending', 'rejected', 'suspended'], to: 'active', mail: 'partner_approved' },
  reject: { from: ['pending'], to: 'rejected', mail: 'partner_rejected' },
  suspend: { from: ['active'], to: 'suspended', mail: 'partner_suspended' },
} as const satisfies Record<string, { from: readonly Status[]; to: Status; mail: string }>
export type Decision = keyof typeof DECISIONS

export const PartnersQuery = z.strictObject({ ...PageQuery.shape, status: PartnerStatus.optional() })
export type PartnersQuery = z.infer<typeof PartnersQuery>

/** A partner as operators see it. */
export const PartnerCase = z
  .strictObject({ ...Partner.shape, owners: z.array(z.string()).meta({ description: 'Their email addresses' }) })
  .meta({ id: 'PartnerCase' })
export type PartnerCase = z.infer<typeof PartnerCase>
export const PartnerCasePage = pageOf(PartnerCase, 'PartnerCasePage')

export const Refusal = z.strictObject({ reason: Name(500).meta({ description: 'Told to the owners' }) }).meta({ id: 'PartnerRefusal' })
export type Refusal = z.output<typeof Refusal>

export const ChangePlan = z.strictObject({ plan: z.string().max(31) }).meta({ id: 'ChangePlan' })
export type ChangePlan = z.infer<typeof ChangePlan>

export const PlanList = z.strictObject({ items: z.array(Plan) }).meta({ id: 'PlanList' })
export type PlanList = z.infer<typeof PlanList>

export const PartnerId = idSchema('partner')
