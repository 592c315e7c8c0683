import { createSession, type Session } from '@menagerie/client'
import { subprotocol, ticketPrefix } from '@menagerie/contracts'
import { credentials, notifications, roles, sessions, users } from '@menagerie/contracts/routes'
import { decodeJwt } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { type HarnessSystem, waitFor } from '../../../src/index.ts'
import { sharedAdmin, sharedSystem } from '../support/shared-system.ts'

const password = 'a correct horse battery'
/** What contract and issue give it. */
const LIMIT_MS = 10_000

let system: HarnessSystem
let admin: Session

beforeAll(async () => {
  system = await sharedSystem()
  admin = (await sharedAdmin()).session
})

let number = 0

/** An account that is signed in on two devices, the first of which listens to its mailbox. */
async function twoDevices() {
  const phoneNumber = `+1202555${String(3000 + number++)}`
  const first = createSession({ baseUrl: system.url })
  const { data } = await first.client.call(users.register, { body: { phoneNumber, password } })
  await first.signIn({ phoneNumber, password, deviceName: 'first' })
  const second = createSession({ baseUrl: system.url })
  await second.signIn({ phoneNumber, password, deviceName: 'second' })
  const socket = await listen(first)
  return { id: data.id, first, second, socket }
}

async function listen(session: Session) {
  const { data } = await session.client.call(notifications.ticket)
  const ws = new WebSocket(data.url, [subprotocol, `${ticketPrefix}${data.ticket}`], {
    closeTimeout: 500,
  } as WebSocket.ClientOptions)
  const state = { closed: undefined as number | undefined }
  ws.once('close', (code) => {
    state.closed = code
  })
  await new Promise((resolve, reject) => {
    ws.once('message', resolve)
    ws.once('error', reject)
  })
  return state
}

const status = async (path: string, token: string) => {
  const response = await fetch(`${system.url}${path}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  await response.body?.cancel()
  return response.status
}

type Devices = Awaited<ReturnType<typeof twoDevices>>

const endings: [string, (devices: Devices) => Promise<unknown>][] = [
  [
    'the session is ended on another device',
    ({ first, second }) =>
      second.client.call(sessions.end, {
        params: { sid: String(decodeJwt(first.tokens?.accessToken ?? '').sid) },
      }),
  ],
  [
    'all others are ended on another device',
    ({ second }) => second.client.call(sessions.endAll, { query: { except: 'current' } }),
  ],
  [
    'the password is changed on another device (S17)',
    ({ second }) =>
      second.client.call(credentials.passwordChange, {
        body: { currentPassword: password, newPassword: 'another correct horse battery' },
      }),
  ],
  [
    'the account is disabled (S16)',
    ({ id }) => admin.client.call(users.disable, { params: { id } }),
  ],
  [
    'its roles are changed (S67)',
    ({ id }) => admin.client.call(roles.assign, { params: { id }, body: { roles: ['agent'] } }),
  ],
]

describe('an access token and the sockets it opened', () => {
  it.each(endings)(
    'are refused at once where it is critical, and everywhere within ten seconds, when %s',
    async (_, end) => {
      const devices = await twoDevices()
      const token = devices.first.tokens?.accessToken ?? ''
      expect(await status('/users/profile', token)).toBe(200)
      await end(devices)
      const endedAt = Date.now()
      expect(await status('/users/profile/sessions', token)).toBe(401)
      await waitFor(async () => (await status('/users/profile', token)) === 401, {
        what: 'the token to be refused',
        timeoutMs: LIMIT_MS,
      })
      await waitFor(() => devices.socket.closed !== undefined, {
        what: 'the socket to close',
        timeoutMs: LIMIT_MS - (Date.now() - endedAt),
      })
      expect(devices.socket.closed).toBe(4401)
    },
    40_000,
  )

  it('go on with a new token after a change of roles, which ends no session (B37)', async () => {
    const { id, first } = await twoDevices()
    await admin.client.call(roles.assign, { params: { id }, body: { roles: ['agent'] } })
    // The client is refused, refreshes by itself, and holds the new role.
    const { data: profile } = await first.client.call(users.profile)
    expect(profile.roles).toEqual(['agent'])
    await first.renew(first.tokens?.accessToken ?? '')
    const claims = decodeJwt(first.tokens?.accessToken ?? '')
    expect(claims.resource_access).toEqual({ menagerie: { roles: ['agent'] } })
    expect(await listen(first)).toEqual({ closed: undefined })
  })
})
