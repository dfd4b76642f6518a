import type { MailSpec } from './mail.texts.js'

const mail = (spec: MailSpec): MailSpec => spec

const decided = (subject: string, said: (details: Readonly<Record<string, string>>) => string): MailSpec =>
  mail({
    text: (address, details) => ({ subject, text: `${said(details)}\n\nYou get this mail as an owner of the partner at ${address}.\n` }),
  })

/** What is sent about partners. Names and reasons were typed by people: they stand in quotes, and never in a subject. */
export const PARTNER_MAILS = {
  partner_invitation: mail({
    path: '/account/invitation',
    text: (link, { partner = '', role = '' }) => ({
      subject: 'You are invited to join a partner on Catamaran',
      text: `An owner of “${partner}” invites you to join it on Catamaran, as ${role}.

Open this link to accept. You need an account with this email address, and can make one then:

${link}

The link works once, for 7 days. If you don't know who invites you, ignore this mail: nothing happens without you.
`,
    }),
  }),
  partner_approved: decided(
    'Your partner is active',
    ({ partner = '' }) => `“${partner}” was approved: its API keys and clients work from now on.`,
  ),
  partner_rejected: decided(
    'Your partner was not approved',
    ({ partner = '', reason = '' }) => `“${partner}” was not approved. The reason: “${reason}”`,
  ),
  partner_suspended: decided(
    'Your partner was suspended',
    ({ partner = '', reason = '' }) => `“${partner}” was suspended: its API keys and clients don't work for now. The reason: “${reason}”`,
  ),
} as const
