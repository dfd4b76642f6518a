// Asks the browser for a passkey and sends what it gives with the page's own form. Without this script the forms stay hidden.
'use strict'

const MESSAGES = {
  NotAllowedError: 'No passkey was used. You can try again.',
  InvalidStateError: 'This device has a passkey of this account already.',
  SecurityError: 'Passkeys do not work at this address.',
}
const UNKNOWN = 'That did not work. Try again, or use another way.'

/** Ends the request that waits in the email field, and resolves once it has ended: browsers hold one request at a time. */
let endWaiting = async () => {}

const ask = (form, options, more) => {
  const publicKey =
    form.dataset.passkey === 'create'
      ? PublicKeyCredential.parseCreationOptionsFromJSON(options)
      : PublicKeyCredential.parseRequestOptionsFromJSON(options)
  return form.dataset.passkey === 'create'
    ? navigator.credentials.create({ publicKey, ...more })
    : navigator.credentials.get({ publicKey, ...more })
}

const send = (form, credential) => {
  form.elements.credential.value = JSON.stringify(credential.toJSON())
  form.submit()
}

/** Lets the browser offer passkeys while somebody fills in the email field. */
const offer = async (form, options) => {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return
  const controller = new AbortController()
  const answer = ask(form, options, { mediation: 'conditional', signal: controller.signal })
  // Ended by the button, or by the browser: the forms are still there.
  const done = answer.then((credential) => send(form, credential)).catch(() => {})
  endWaiting = () => {
    controller.abort()
    return done
  }
}

const onSubmit = async (event, form, options) => {
  event.preventDefault()
  const button = form.querySelector('button')
  const status = form.querySelector('[role=status]')
  button.disabled = true
  status.textContent = ''
  try {
    await endWaiting()
    send(form, await ask(form, options))
  } catch (error) {
    status.textContent = MESSAGES[error.name] ?? UNKNOWN
    button.disabled = false
  }
}

if (window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  document.querySelector('[data-passkeys-missing]')?.remove()
  for (const form of document.querySelectorAll('form[data-passkey]')) {
    const options = JSON.parse(form.dataset.options)
    form.hidden = false
    form.addEventListener('submit', (event) => void onSubmit(event, form, options))
    if (document.querySelector('input[autocomplete~=webauthn]')) void offer(form, options)
  }
}
