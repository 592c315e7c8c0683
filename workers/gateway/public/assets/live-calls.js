/** A plain page over the public API: lists live calls and follows each by its socket. */

const terminal = new Set(['completed', 'busy', 'failed', 'no-answer', 'canceled'])
const byId = (id) => document.getElementById(id)

/** Live only in this tab: neither token is ever stored. */
let session
/** Call id → { call, socket, seq }. */
const live = new Map()
let poll

async function api(path, { method = 'GET', body, retried = false } = {}) {
  const response = await fetch(path, {
    method,
    headers: {
      ...(session ? { authorization: `Bearer ${session.access_token}` } : {}),
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  if (response.status === 401 && session && !retried && (await refresh()))
    return api(path, { method, body, retried: true })
  const answer = response.status === 204 ? {} : await response.json()
  if (!response.ok) throw new Error(answer.detail ?? `The server answered ${response.status}`)
  return answer
}

async function refresh() {
  const response = await fetch('/auth/refresh', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ refresh_token: session.refresh_token }),
  })
  if (!response.ok) {
    signedOut()
    return false
  }
  session = (await response.json()).data
  return true
}

async function signIn(username, password) {
  session = (await api('/auth/login', { method: 'POST', body: { username, password } })).data
  const { data: profile } = await api('/users/profile')
  byId('who').textContent =
    `${profile.displayName ?? profile.username} · ${profile.roles.join(', ')}`
  byId('sign-in').hidden = true
  byId('calls').hidden = false
  byId('sign-out').hidden = false
  await list()
  poll = setInterval(() => list().catch(report), 2000)
}

function signedOut() {
  clearInterval(poll)
  session = undefined
  for (const { socket } of live.values()) socket?.close()
  live.clear()
  byId('who').textContent = ''
  byId('sign-in').hidden = false
  byId('calls').hidden = true
  byId('sign-out').hidden = true
}

/** Finds calls that began elsewhere; those that are known follow their sockets. */
async function list() {
  const { data } = await api('/calls/history?limit=100')
  for (const call of data) if (!terminal.has(call.status) && !live.has(call.id)) follow(call)
  draw()
}

function follow(call) {
  const entry = { call, socket: undefined, seq: 0, tries: 0 }
  live.set(call.id, entry)
  connect(entry).catch(report)
}

async function connect(entry) {
  const { data: grant } = await api(`/calls/${entry.call.id}/ticket`, { method: 'POST' })
  const url = new URL(grant.url)
  url.searchParams.set('afterSeq', String(entry.seq))
  const socket = new WebSocket(url, ['menagerie.v1', `ticket.${grant.ticket}`])
  entry.socket = socket
  socket.onmessage = ({ data }) => {
    if (data === 'pong') return
    const frame = JSON.parse(data)
    entry.tries = 0
    for (const event of frame.type === 'batch' ? frame.data.events : [frame]) apply(entry, event)
    draw()
  }
  socket.onclose = ({ code }) => {
    if (!session || !live.has(entry.call.id) || [4403, 4404, 4410].includes(code)) return
    const wait = Math.random() * Math.min(8000, 250 * 2 ** entry.tries++)
    setTimeout(() => connect(entry).catch(report), wait)
  }
}

function apply(entry, event) {
  if (event.seq === undefined || event.seq <= entry.seq) return
  if (event.seq > entry.seq + 1) {
    entry.socket.send(JSON.stringify({ type: 'resume', data: { lastSeq: entry.seq } }))
    return
  }
  entry.seq = event.seq
  if (event.type === 'call.status') entry.call.status = event.data.status
  if (terminal.has(entry.call.status)) setTimeout(() => live.delete(entry.call.id) && draw(), 5000)
}

function draw() {
  const rows = [...live.values()].map((entry) => {
    const row = document.createElement('tr')
    row.dataset.call = entry.call.id
    for (const text of [
      entry.call.from,
      entry.call.to,
      entry.call.direction,
      entry.call.status,
      entry.seq,
    ]) {
      row.append(Object.assign(document.createElement('td'), { textContent: String(text) }))
    }
    const cell = document.createElement('td')
    if (!terminal.has(entry.call.status)) {
      const button = Object.assign(document.createElement('button'), {
        type: 'button',
        textContent: 'Hang up',
      })
      button.onclick = () => api(`/calls/${entry.call.id}/hangup`, { method: 'POST' }).catch(report)
      cell.append(button)
    }
    row.append(cell)
    return row
  })
  byId('rows').replaceChildren(...rows)
  byId('empty').hidden = rows.length > 0
}

function report(error) {
  byId(session ? 'start-problem' : 'sign-in-problem').textContent = error.message
}

byId('sign-in').onsubmit = async (event) => {
  event.preventDefault()
  const form = new FormData(event.target)
  byId('sign-in-problem').textContent = ''
  await signIn(form.get('username').trim(), form.get('password')).catch(report)
}
byId('start').onsubmit = async (event) => {
  event.preventDefault()
  byId('start-problem').textContent = ''
  const to = new FormData(event.target).get('to').trim()
  await api('/calls/start', { method: 'POST', body: { to } }).then(list).catch(report)
}
byId('sign-out').onclick = async () => {
  await api('/auth/logout', { method: 'POST', body: {} }).catch(() => {})
  signedOut()
}
