// Fills a passkey's answer into its form and sends it like any other, so that one path of the server signs in.
import { authenticate, hasPasskeys } from './passkey.js'

/** What a visitor can do about it. Whatever else went wrong is for us to mend. */
const problems = {
  NotAllowedError: 'No passkey was used. Try again, or choose another way.',
  AbortError: 'No passkey was used. Try again, or choose another way.',
  SecurityError: 'Passkeys do not work at this address.',
}

/** The options that came with the page, or those of a ceremony that begins now. */
async function begin(form) {
  if (form.dataset.passkey !== '') return JSON.parse(form.dataset.passkey)
  const answer = await fetch('/auth/passkeys/login/options', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
  const body = await answer.json()
  if (!answer.ok) throw new Error(body.detail ?? 'Something went wrong. Try again.')
  return body.data
}

async function fill(form) {
  const { challengeId, options } = await begin(form)
  const credential = await authenticate(options)
  form.elements.challengeId.value = challengeId
  form.elements.credential.value = JSON.stringify(credential)
}

function listen(form) {
  const button = form.querySelector('button')
  const problem = form.querySelector('[data-problem]')
  form.addEventListener('submit', async (event) => {
    if (form.elements.credential.value !== '') return
    event.preventDefault()
    if (button.ariaDisabled === 'true') return
    button.ariaDisabled = 'true'
    problem.hidden = true
    try {
      await fill(form)
      form.submit()
    } catch (error) {
      problem.textContent =
        problems[error.name] ??
        (error.name === 'Error' ? error.message : 'Something went wrong. Try again.')
      problem.hidden = false
      button.ariaDisabled = null
    }
  })
  // A page that the browser kept starts another ceremony: the one before is spent.
  addEventListener('pageshow', (event) => {
    if (!event.persisted) return
    form.elements.credential.value = ''
    button.ariaDisabled = null
    if (form.dataset.passkey !== '') location.reload()
  })
}

if (hasPasskeys()) {
  for (const form of document.querySelectorAll('form[data-passkey]')) {
    listen(form)
    form.hidden = false
  }
  for (const part of document.querySelectorAll('[data-passkey-only]')) part.hidden = false
  for (const part of document.querySelectorAll('[data-passkey-none]')) part.hidden = true
}
