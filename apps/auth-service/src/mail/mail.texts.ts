import { dateOf } from './date-of.js'
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

/** A mail that tells of a change which a thief would make too. */
const changed = (subject: string, what: (details: MailDetails) => string): MailSpec =>
  spec({
    text: (address, details) => ({
      subject,
      text: `${what(details)}

If it was you, there is nothing to do. If it was not, sign in at ${address}/account, change your password and look at what can sign in.
`,
    }),
  })

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
  reset_password: spec({
    path: '/account/reset-password',
    text: (link) => ({
      subject: 'Choose a new password',
      text: `Somebody, probably you, has asked for a new password of your Catamaran account. Open this link to choose one:

${link}

The link works once, for an hour. If it was not you, there is nothing to do: your password stays as it is.
`,
    }),
  }),
  password_changed: spec({
    text: (address, { time = '' }) => ({
      subject: 'Your password was changed',
      text: `The password of your Catamaran account was changed on ${dateOf(time)}. You were signed out everywhere else.

If it was not you, choose a new password at once: ${address}/account/forgot-password
`,
    }),
  }),
  new_device: spec({
    text: (address, { device = '', time = '' }) => ({
      subject: 'You signed in on a new device',
      text: `Somebody, probably you, has signed in to your Catamaran account with a browser that was not used for it before:

${device}, ${dateOf(time)}

If it was not you, choose a new password at once, which ends all sign-ins: ${address}/account/forgot-password
`,
    }),
  }),
  email_change_approval: spec({
    path: '/account/confirm-email',
    text: (link, { email = '' }) => ({
      subject: 'Approve your new email address',
      text: `Somebody, probably you, has asked to change the email address of your Catamaran account to ${email}. Open this link to approve it, then press the button on the page:

${link}

The link works once, for 24 hours; the new address has to confirm too. If it was not you, do not open the link and choose a new password.
`,
    }),
  }),
  email_change_confirmation: spec({
    path: '/account/confirm-email',
    text: (link) => ({
      subject: 'Confirm your new email address',
      text: `Somebody, probably you, wants to use this address for their Catamaran account. Open this link to confirm it, then press the button on the page:

${link}

The link works once, for 24 hours; the address that the account has now has to approve too. If it was not you, ignore this mail.
`,
    }),
  }),
  email_change_taken: spec({
    text: (address) => ({
      subject: 'This email address has an account already',
      text: `Somebody, probably you, wanted to use this address for another Catamaran account. It has an account of its own, so nothing was changed.

To use the address for the other account, change the address of this one first (${address}). If it was not you, there is nothing to do.
`,
    }),
  }),
  email_changed: spec({
    text: (address, { email = '', time = '' }) => ({
      subject: 'Your email address was changed',
      text: `The email address of your Catamaran account was changed to ${email} on ${dateOf(time)}. This address is not used for it any more.

If it was not you, write to us at once: ${address}
`,
    }),
  }),
  passkey_added: changed(
    'A passkey was added to your account',
    ({ name = '' }) => `The passkey “${name}” can now sign in to your Catamaran account.`,
  ),
  passkey_removed: changed(
    'A passkey was removed from your account',
    ({ name = '' }) => `The passkey “${name}” can no longer sign in to your Catamaran account.`,
  ),
  totp_on: changed(
    'Codes at sign-in were switched on',
    () => 'From now on, signing in to your Catamaran account with the password needs a code of your authenticator app as well.',
  ),
  totp_off: changed(
    'Codes at sign-in were switched off',
    () => 'Signing in to your Catamaran account needs no code of an authenticator app any more. Your recovery codes no longer work.',
  ),
  recovery_codes_renewed: changed(
    'You have new recovery codes',
    () => 'New recovery codes were made for your Catamaran account. The old ones no longer work.',
  ),
  recovery_code_used: changed(
    'A recovery code was used',
    ({ left = '' }) => `Somebody signed in to your Catamaran account with a recovery code. ${left} of them are left.`,
  ),
  ...PARTNER_MAILS,
  account_closed: spec({
    text: (address) => ({
      subject: 'Your account is closed',
      text: `Your Catamaran account is closed, as you asked, and nobody can sign in to it any more (${address}).

What we hold about you is being erased. Orders that are under way are still carried out; your name and address go from each as soon as it has ended. Finished orders stay in our books without them.

This is the last mail about this account. If it was not you who closed it, somebody had your password: tell our support at once, and change it wherever else you use it.
`,
    }),
  }),
  export_ready: spec({
    path: '/account/export',
    text: (link) => ({
      subject: 'Your data is ready',
      text: `Here is what Catamaran holds about you, as one JSON file. Open this link, then press the button on the page:

${link}

The link works once, for 24 hours, and for whoever has it: don't pass it on. If you did not ask for this, somebody is signed in to your account: change your password.
`,
    }),
  }),
  export_ready_signed_in: spec({
    text: (address) => ({
      subject: 'Your data is ready',
      text: `What Catamaran holds about you is ready as one JSON file, for 24 hours. As your account has a second factor, this mail has no link to it: sign in where you asked for it and fetch it there (${address}).

If you did not ask for this, somebody is signed in to your account: change your password.
`,
    }),
  }),
} as const

export type MailKind = keyof typeof MAILS

/** The mail of a kind. `secret` is its link's, where it has one. */
export const mailTextOf = (kind: MailKind, publicUrl: string, secret: string, details: MailDetails): MailText => {
  const { path, text }: MailSpec = MAILS[kind]
  return text(path === undefined ? publicUrl : `${publicUrl}${path}?token=${secret}`, details)
}

export const hasLink = (kind: MailKind): boolean => (MAILS[kind] as MailSpec).path !== undefined
