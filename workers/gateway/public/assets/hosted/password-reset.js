// Sets a new password with the token of the link, or asks for a link where there is none.

const byId = (id) => document.getElementById(id)
const problem = byId('problem')

// Read once and taken out of the address, so that it stays in no history and in no picture of the window.
const token = new URLSearchParams(location.hash.slice(1)).get('token')
if (location.hash !== '') history.replaceState(null, '', location.pathname)

// Another link, opened in the same window.
addEventListener('hashchange', () => location.reload())

byId(token === null ? 'forgot' : 'reset').hidden = false
if (token === null) document.querySelector('h1').textContent = 'Forgot your password?'

function tell(text, input) {
  problem.textContent = text
  problem.hidden = false
  input.ariaInvalid = 'true'
  input.setAttribute('aria-errormessage', 'problem')
  input.focus()
}

/** What the answer says of it: each field's own words, else those of the whole. */
function wordsOf(body, status) {
  if (status === 401 || status === 400)
    return 'This link is too old or was used before. Ask for another one.'
  const details = (body.errors ?? []).map(({ detail }) => detail).filter(Boolean)
  return details.length > 0
    ? `It ${details.join('; it ')}.`
    : `${body.detail ?? 'Something went wrong'}.`
}

function listen(form, path, bodyOf, next) {
  const [input] = form.querySelectorAll('input')
  const [button] = form.querySelectorAll('button[type="submit"]')
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    if (button.ariaDisabled === 'true') return
    button.ariaDisabled = 'true'
    problem.hidden = true
    input.ariaInvalid = null
    try {
      const answer = await fetch(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(bodyOf(input.value)),
      })
      if (answer.ok) {
        form.hidden = true
        input.value = ''
        next.hidden = false
        next.focus()
      } else tell(wordsOf(await answer.json(), answer.status), input)
    } catch {
      tell('The service cannot be reached. Try again in a moment.', input)
    } finally {
      button.ariaDisabled = null
    }
  })
}

listen(byId('reset'), '/auth/password/reset', (password) => ({ token, password }), byId('done'))
listen(byId('forgot'), '/auth/password/forgot', (username) => ({ username }), byId('sent'))
