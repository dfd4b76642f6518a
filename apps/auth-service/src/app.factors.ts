import { AccountPageController } from './account/account-page.controller.js'
import { BrowserSessions } from './account/browser-sessions.js'
import { ACCOUNT_SECTIONS, type AccountSection } from './account/sections.js'
import { Challenges } from './passkeys/challenges.js'
import { PasskeyPagesController } from './passkeys/passkey-pages.controller.js'
import { PasskeysController } from './passkeys/passkeys.controller.js'
import { PasskeysRepository } from './passkeys/passkeys.repository.js'
import { LeavingSection } from './erasure/leaving.section.js'
import { MePagesController } from './me/me-pages.controller.js'
import { PasswordSection } from './me/password.section.js'
import { ProfileSection } from './me/profile.section.js'
import { PasskeysSection } from './passkeys/passkeys.section.js'
import { PasskeysService } from './passkeys/passkeys.service.js'
import { SessionPagesController } from './sessions/session-pages.controller.js'
import { SessionsSection } from './sessions/sessions.section.js'
import { Interactions } from './sign-in/interactions.js'
import { SecondFactorController } from './sign-in/second-factor.controller.js'
import { SecondFactorService } from './sign-in/second-factor.service.js'
import { TotpPagesController } from './totp/totp-pages.controller.js'
import { TotpController } from './totp/totp.controller.js'
import { TotpRepository } from './totp/totp.repository.js'
import { TotpSection } from './totp/totp.section.js'
import { TotpService } from './totp/totp.service.js'

/** The account page from top to bottom. */
const SECTIONS = [ProfileSection, PasswordSection, PasskeysSection, TotpSection, SessionsSection, LeavingSection]

/** What people sign in with besides passwords, and the page where they see it. */
export const FACTORS = {
  controllers: [
    TotpController,
    PasskeysController,
    SecondFactorController,
    AccountPageController,
    TotpPagesController,
    PasskeyPagesController,
    MePagesController,
    SessionPagesController,
  ],
  providers: [
    TotpRepository,
    TotpService,
    Challenges,
    PasskeysRepository,
    PasskeysService,
    Interactions,
    SecondFactorService,
    BrowserSessions,
    ...SECTIONS,
    { provide: ACCOUNT_SECTIONS, inject: SECTIONS, useFactory: (...sections: AccountSection[]) => sections },
  ],
}
