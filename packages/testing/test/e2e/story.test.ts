import { createSession } from '@menagerie/client'
import { AccessTokenClaims, isTerminal } from '@menagerie/contracts'
import { calls, reports, users } from '@menagerie/contracts/routes'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { followCall, signInAs, upTo } from '../../src/follow-call.ts'
import {
  freePort,
  launch,
  type System,
  startFaultProxy,
  type TemporaryFolder,
  temporaryFolder,
  waitFor,
} from '../../src/index.ts'

let folder: TemporaryFolder
let system: System

beforeAll(async () => {
  folder = await temporaryFolder('story')
  system = await launch({
    dataDir: folder.path,
    port: await freePort(),
    environment: 'test',
    lab: true,
    seed: true,
  })
})

afterAll(async () => {
  await system?.stop()
  await folder?.remove()
})

/** Claim names and their order of the seed's sample token, and ours beside them. */
const seedClaims = [
  ...[
    'exp',
    'iat',
    'jti',
    'iss',
    'sub',
    'typ',
    'azp',
    'session_state',
    'acr',
    'resource_access',
    'scope',
    'sid',
  ],
  ...['email_verified', 'preferred_username', 'permissions'],
]

it('lets somebody register with a phone number, sign in, and see a profile (A10–A13, B7, B8, B38, B39)', async () => {
  const phoneNumber = '+12025550142'
  const password = 'a correct horse battery'
  const session = createSession({ baseUrl: system.url })
  const { data: registered } = await session.client.call(users.register, {
    body: { phoneNumber, password },
  })
  expect(registered).toMatchObject({ status: 'pending', verification: { channel: 'sms' } })

  await session.signIn({ phoneNumber, password })
  const claims = AccessTokenClaims.parse(decodeJwt(session.tokens?.accessToken ?? ''))
  expect(Object.keys(claims).sort()).toEqual([...seedClaims].sort())
  expect(claims).toMatchObject({
    typ: 'Bearer',
    acr: '1',
    sub: registered.id,
    preferred_username: phoneNumber,
    iss: `${system.url}/auth/realms/menagerie`,
    resource_access: { menagerie: { roles: ['user'] } },
  })
  expect(claims.session_state).toBe(claims.sid)

  const { data: profile } = await session.client.call(users.profile)
  expect(profile).toMatchObject({ id: registered.id, username: phoneNumber, roles: ['user'] })
  await session.signOut()
})

it('carries a call through a lost connection and a killed runtime without losing or repeating an event (B15–B19, B21)', async () => {
  const agent = await signInAs(system, 'agent')
  const supervisor = await signInAs(system, 'supervisor')
  const proxy = await startFaultProxy(system.port)

  const { data: started } = await agent.client.call(calls.start, { body: { to: '+12025550101' } })
  expect(started).toMatchObject({ status: 'queued', direction: 'outbound', to: '+12025550101' })
  const first = followCall(agent, started.id)
  const second = followCall(supervisor, started.id, proxy.wsUrl)

  // One client drops while the call rings, and misses that it was answered.
  await waitFor(() => second.statuses().includes('ringing'), { what: 'the call to ring' })
  proxy.mode = 'refuse'
  proxy.reset()
  await waitFor(() => first.statuses().includes('in-progress'), { what: 'the call to be answered' })
  expect(second.statuses()).not.toContain('in-progress')
  proxy.mode = 'ok'
  await waitFor(() => second.statuses().includes('in-progress'), {
    what: 'the dropped client to catch up',
  })
  expect(second.connections()).toBeGreaterThan(1)
  expect(second.seqs()).toEqual(upTo(second.seqs().length))

  // The runtime dies as a process can: at once, with everything in memory.
  await system.kill()
  await system.restart()
  const { data: call } = await agent.client.call(calls.get, { params: { id: started.id } })
  expect(call.status).toBe('in-progress')

  const { data: ending } = await agent.client.call(calls.hangup, { params: { id: started.id } })
  expect(ending.id).toBe(started.id)
  for (const follower of [first, second]) {
    await waitFor(() => follower.socket.status.name === 'stopped', {
      what: 'a client to see the end',
      timeoutMs: 20_000,
    })
    expect(follower.socket.status).toMatchObject({ why: 'ended' })
  }

  const { data: journal } = await agent.client.call(calls.events, {
    params: { id: started.id },
    query: { afterSeq: 0, limit: 200 },
  })
  for (const follower of [first, second]) {
    expect(follower.seqs()).toEqual(upTo(journal.length))
    expect(follower.events.map((event) => event.id)).toEqual(journal.map((event) => event.id))
    expect(follower.statuses().filter((status) => isTerminal(status as never))).toEqual([
      'completed',
    ])
    follower.socket.close()
  }

  const history = await waitFor(
    async () => {
      const page = await agent.client.call(calls.history, { query: {} })
      return (
        typeof page === 'object' &&
        page.data.find((row) => row.id === started.id && row.status === 'completed')
      )
    },
    { what: 'the history to have the call' },
  )
  expect(history).toMatchObject({ direction: 'outbound', to: '+12025550101' })
  await proxy.close()
}, 90_000)

it('counts what happened (A6, B24, B60)', async () => {
  const scrape = (token: string) =>
    fetch(`${system.url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
  expect((await scrape('a guess of a scrape token')).status).toBe(401)
  const text = await waitFor(
    async () => {
      const page = await (await scrape(String(system.secrets.SCRAPE_TOKEN))).text()
      return /calls_total\{[^}]*status="completed"[^}]*\} 1\b/.test(page) && page
    },
    { what: 'the ended call to be counted' },
  )
  expect(text).toMatch(/http_requests_total\{[^}]*route="\/calls\/start"[^}]*\} [1-9]/)
  expect(text).toMatch(/http_requests_total\{[^}]*service="accounts"[^}]*\} [1-9]/)
  expect(text).toMatch(/sign_ins_total\{result="[a-z_]+"\} [1-9]/)
  expect(text).toMatch(/^# TYPE http_request_duration_seconds histogram$/m)
  expect(text).toMatch(/^build_info\{version="[^"]+"\} 1$/m)
  expect(text).not.toMatch(/\+1202555/)
})

it('tells the supervisor how many calls there were, in JSON and CSV alike (B45–B50)', async () => {
  const supervisor = await signInAs(system, 'supervisor')
  // Named, since "the last 24 hours" are others for each of two requests.
  const from = new Date(Date.now() - 3_600_000).toISOString()
  const to = new Date(Date.now() + 3_600_000).toISOString()
  const report = (format: 'json' | 'csv') =>
    supervisor.client.call(reports.summary, { query: { format, interval: 'hour', from, to } })
  const counted = await waitFor(
    async () => {
      const page = await report('json')
      if (typeof page !== 'object' || page.data.totals.callsAnswered?.value !== 1) return undefined
      return page.data
    },
    { what: 'the call to be counted', timeoutMs: 20_000 },
  )
  expect(counted.totals).toMatchObject({ calls: { value: 1 }, callsAnswered: { value: 1 } })
  for (const metric of Object.values(counted.totals)) expect(metric.definition).not.toBe('')

  const csv = String(await report('csv'))
  const [header = '', ...lines] = csv.trimEnd().split('\r\n')
  const names = header.split(',')
  const rows = lines.map((line) => line.split(','))
  expect(rows).toHaveLength(counted.series.length)
  for (const name of ['calls', 'callsAnswered', 'talkSeconds'] as const) {
    const column = names.indexOf(name)
    expect(rows.map((row) => Number(row[column]))).toEqual(counted.series.map((row) => row[name]))
  }
  const byDirection = await supervisor.client.call(reports.calls, {
    query: { groupBy: 'direction' },
  })
  expect(typeof byDirection === 'object' && byDirection.data.rows).toEqual([
    expect.objectContaining({ group: 'outbound', calls: 1, callsAnswered: 1 }),
  ])
})
