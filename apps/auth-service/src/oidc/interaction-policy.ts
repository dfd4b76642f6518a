import { ACR } from '@catamaran/contracts'
import { interactionPolicy } from 'oidc-provider'

/** Whether a client asked for two factors and nothing less (RFC 9470). Values that we don't know ask for nothing. */
export const asksForTwoFactors = (acrValues: unknown): boolean => {
  const values = typeof acrValues === 'string' ? acrValues.split(' ') : []
  return values.includes(ACR.multi) && !values.includes(ACR.single)
}

/** Why a sign-in is asked for: only two factors are missing. */
export const SECOND_FACTOR_REASON = 'acr_values'

/** Sign-in is asked for again also where the account is gone, and where a client wants two factors and the session has one. */
const loginChecks = (): interactionPolicy.Check[] => [
  new interactionPolicy.Check(
    'account_gone',
    'the account does not exist any more',
    'login_required',
    ({ oidc }) => oidc.session?.accountId !== undefined && oidc.account === undefined,
  ),
  new interactionPolicy.Check(
    SECOND_FACTOR_REASON,
    'the person has not shown two factors',
    'login_required',
    ({ oidc }) => oidc.session?.accountId !== undefined && asksForTwoFactors(oidc.params?.['acr_values']) && oidc.acr !== ACR.multi,
  ),
]

/**
 * All clients of the code flow are our own, so nobody is asked which scopes to grant. But any program on a computer can pose as a native client
 * (RFC 8252 section 8.6), so a session alone does not sign one in: the person presses a button, unless the password was typed just now.
 */
export const policy = (): interactionPolicy.DefaultPolicy => {
  const prompts = interactionPolicy.base()
  const login = prompts.get('login') as interactionPolicy.Prompt
  for (const check of loginChecks()) login.checks.add(check)
  const { checks } = prompts.get('consent') as interactionPolicy.Prompt
  checks.remove('native_client_prompt')
  checks.add(
    new interactionPolicy.Check(
      'native_client_prompt',
      'native clients need the person to agree',
      'interaction_required',
      ({ oidc }) => oidc.client?.applicationType === 'native' && oidc.result?.login === undefined && oidc.result?.consent === undefined,
    ),
  )
  return prompts
}
