import type { Html } from '../pages/html.js'
import type { SignedIn } from './browser-sessions.js'

/** A part of the account page. Each feature brings its own; app.module.ts gives their order. */
export interface AccountSection {
  readonly title: string
  body(person: SignedIn): Promise<Html>
}

/** Injection token of all of them. */
export const ACCOUNT_SECTIONS = Symbol('account sections')
