// What every page gains with scripts: nothing is sent twice, and a password can be shown.

// Passkeys are sent by their own script, after a while.
for (const form of document.querySelectorAll('form[method="post"]:not([data-passkey])')) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent === 'yes') return event.preventDefault()
    form.dataset.sent = 'yes'
    // Not `disabled`: the button's own name and value are part of what is sent.
    for (const button of form.querySelectorAll('button')) button.ariaDisabled = 'true'
  })
}

// A page that the browser kept can be sent again after "back".
addEventListener('pageshow', () => {
  for (const form of document.querySelectorAll('form[data-sent]')) {
    delete form.dataset.sent
    for (const button of form.querySelectorAll('button')) button.ariaDisabled = null
  }
})

for (const input of document.querySelectorAll('input[type="password"]')) {
  const frame = document.createElement('div')
  frame.className = 'reveal'
  const toggle = document.createElement('button')
  toggle.type = 'button'
  const show = (visible) => {
    input.type = visible ? 'text' : 'password'
    toggle.textContent = visible ? 'Hide' : 'Show'
    toggle.ariaLabel = visible ? 'Hide the password' : 'Show the password'
  }
  toggle.addEventListener('click', () => show(input.type === 'password'))
  // Else the browser would keep it as text, or never offer to save it.
  input.form?.addEventListener('submit', () => show(false))
  show(false)
  const focused = document.activeElement === input
  input.replaceWith(frame)
  frame.append(input, toggle)
  if (focused || input.autofocus) input.focus()
}
