import type { MailDetails } from './mail.repository.js'
import { PARTNER_MAILS } from './partner-mails.js'

export interface MailText {
  readonly subject: string
  readonly text: string
}

export interface MailSpec {
  /** The page that its link opens, with `?token=`; undefined for a mail without a link. */
  readonly path?: string
  /** `link` holds a secret, or is our public address where there is no path. The text is never logged. */
  readonly text: (link: string, details: MailDetails) => MailText
}

const spec = (mail: MailSpec): MailSpec => mail

/** Every mail that auth-service sends, by its kind. */
export const MAILS = {
  verify_email: spec({
    path: '/account/verify-email',
    text: (link) => ({
      subject: 'Confirm your email address',
      text: `Welcome to Catamaran.

Open this link to confirm your email address, then press the button on the page:

${link}

The link works once, for 24 hours. If you did not ask for an account, ignore this mail: without your confirmation there will be none.
`,
    }),
  }),
  already_registered: spec({
    text: (address) => ({
      subject: 'You already have an account',
      text: `Somebody, probably you, has just asked for a new Catamaran account with this email address. There is one already, and nothing about it was changed.

To use it, sign in with your password in the app or shop you came from (${address}). If it was not you, there is nothing to do.
`,
    }),
  }),
  ...PARTNER_MAILS,
} as const

export type MailKind = keyof typeof MAILS

/** The mail of a kind. `secret` is its link's, where it has one. */
export const mailTextOf = (kind: MailKind, publicUrl: string, secret: string, details: MailDetails): MailText => {
  const { path, text }: MailSpec = MAILS[kind]
  return text(path === undefined ? publicUrl : `${publicUrl}${path}?token=${secret}`, details)
}

export const hasLink = (kind: MailKind): boolean => (MAILS[kind] as MailSpec).path !== undefined
