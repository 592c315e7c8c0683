import { permissionsOf, type Role, TokenResponse } from '@menagerie/contracts'
import { allRoutes, type DeclaredRoute } from '@menagerie/contracts/routes'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BadRequest, badRequests, fill } from '../../src/contract-walk/bad-requests.ts'
import { readProblem, refusedUpgrade } from '../../src/contract-walk/expect-problem.ts'
import { type Snapshot, snapshot } from '../../src/contract-walk/snapshot.ts'
import { type HarnessSystem, startHarness } from '../../src/index.ts'
import { steppedUpAdmin } from './support/identity.ts'

const principals = ['nobody', 'user', 'other user', 'wrong role', 'admin'] as const
type PrincipalName = (typeof principals)[number]

let system: HarnessSystem
let tokens: Record<PrincipalName, string | undefined>
/** A call of `user`. */
let callId: string
/** A device of `admin`. */
const deviceId = 'walked-device'
/** A notification of `admin`, for a time that does not come. */
let notificationId: string
let before: Snapshot

async function post(path: string, body: unknown, token?: string): Promise<{ data: never }> {
  const response = await fetch(`${system.url}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as { data: never }
}

async function signIn(username: string, password: string): Promise<string> {
  return TokenResponse.parse((await post('/auth/login', { username, password })).data).access_token
}

beforeAll(async () => {
  system = await startHarness({ lab: true, seed: true })
  const password = (role: string) => {
    const user = system.users.find((candidate) => candidate.role === role)
    if (!user) throw new Error(`no demo user ${role}`)
    return user
  }
  const of = async (role: string) => signIn(password(role).username, password(role).password)
  const other = { phoneNumber: '+12025550199', password: 'another correct horse' }
  await post('/users/register', other)
  const accounts = await system.database('accounts')
  // A second agent: only roles made of rows can be given before role management is built.
  await accounts
    .prepare('UPDATE users SET roles = \'["agent"]\' WHERE username = ?')
    .bind(other.phoneNumber)
    .run()
  tokens = {
    nobody: undefined,
    user: await of('agent'),
    'other user': await signIn(other.phoneNumber, other.password),
    'wrong role': await of('user'),
    admin: (await steppedUpAdmin(system)).token,
  }
  const started = await post(
    '/calls/start',
    { to: '+12025550103', ringTimeoutSeconds: 600 },
    tokens.user,
  )
  callId = (started.data as { id: string }).id
  await post('/devices', { id: deviceId }, tokens.admin)
  const profile = await fetch(`${system.url}/users/profile`, {
    headers: { authorization: `Bearer ${tokens.admin}` },
  })
  const { data: admin } = (await profile.json()) as { data: { id: string } }
  const scheduled = await post(
    '/notifications/create',
    {
      recipient: { userId: admin.id },
      category: 'walk',
      content: { title: 'Later', body: 'Much later' },
      sendAt: new Date(Date.now() + 300 * 86_400_000).toISOString(),
    },
    tokens.admin,
  )
  notificationId = (scheduled.data as { id: string }).id
  before = await settled()
})

afterAll(() => system?.stop())

/** A snapshot that the one after it equals: the call has been projected and nothing is on its way. */
async function settled(): Promise<Snapshot> {
  let last = ''
  for (;;) {
    const taken = await snapshot(system)
    const text = JSON.stringify(taken)
    const projected = ['ringing', deviceId, notificationId].every((part) => text.includes(part))
    if (text === last && projected) return taken
    last = text
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}

const send = (request: Omit<BadRequest, 'fault'>, as: PrincipalName) =>
  fetch(`${system.url}${request.path}`, {
    method: request.method,
    headers: {
      ...request.headers,
      ...(tokens[as] ? { authorization: `Bearer ${tokens[as]}` } : {}),
    },
    ...(request.body === undefined ? {} : { body: request.body }),
    redirect: 'manual',
  })

const rolesOf: Record<PrincipalName, Role[] | undefined> = {
  nobody: undefined,
  user: ['agent'],
  'other user': ['agent'],
  'wrong role': ['user'],
  admin: ['admin'],
}

/** @returns the codes that answer it; `undefined` where any problem of the contract will do */
function expectedCodes(
  route: DeclaredRoute,
  as: PrincipalName,
  code: string | undefined,
): string[] | undefined {
  const { access } = route.policy
  const roles = rolesOf[as]
  if (access === 'scrape') return ['unauthorized']
  if (access === 'broker') return ['unauthorized', 'payload_too_large', 'unsupported_media_type']
  if (access === 'signature') {
    return [
      'invalid_signature',
      'unsupported_media_type',
      'validation_failed',
      'payload_too_large',
      'not_found',
    ]
  }
  if (access === 'bearer' && roles === undefined) return ['unauthorized']
  if (route.policy.permission && roles && !permissionsOf(roles).includes(route.policy.permission))
    return ['forbidden']
  // Only the walk's admin has shown a second factor.
  if (route.policy.stepUp && as !== 'admin') return ['step_up_required']
  return code === undefined ? undefined : [code]
}

/** Where a route asks for a body, one that it takes. */
const goodBodies: Readonly<Record<string, string>> = {
  'PATCH /devices/{id}/twin': '{"desired":{"on":true}}',
  'PUT /devices/{id}/rules': '{"rules":[]}',
  'PATCH /devices/{id}': '{"name":"Cellar"}',
  'POST /devices/{id}/commands': '{"name":"reboot"}',
  'POST /devices/{id}/credentials': '{}',
  'PATCH /users/{id}': '{"displayName":"Somebody"}',
  'PUT /users/{id}/roles': '{"roles":["user"]}',
  'POST /calls/{id}/transfer': '{"mode":"blind","to":"+12025550101"}',
  'POST /calls/{id}/dtmf': '{"digits":"1"}',
  'POST /calls/{id}/disposition': '{"disposition":"solved"}',
  'POST /calls/{id}/requeue': '{}',
}

const name = (route: DeclaredRoute) => `${route.method.toUpperCase()} ${route.path}`

describe('every declared route', () => {
  describe.each(allRoutes.map((route) => [name(route), route] as const))('%s', (_, route) => {
    it.each(principals)('answers bad requests of %s with a problem of the contract', async (as) => {
      const check = async (request: BadRequest) => {
        const response = await send(request, as)
        const where = `${request.fault}, as ${as}`
        expect(response.status, where).toBeLessThan(500)
        expect(response.status, where).toBeGreaterThanOrEqual(400)
        const problem = await readProblem(response).catch((error: unknown) => {
          throw new Error(`${where}: ${String(error)}`)
        })
        const codes = expectedCodes(route, as, request.code)
        if (codes) expect(codes, where).toContain(problem.code)
      }
      // One field is as good as another for who is refused before any is read.
      const [answer] = expectedCodes(route, as, 'validation_failed') ?? []
      await Promise.all(badRequests(route, answer === 'validation_failed').map(check))
    })

    it('lets in only who may call', async () => {
      if (route.policy.access !== 'bearer') return expect(route.policy.access).not.toBe('bearer')
      const request = {
        path: fill(route.path, callId),
        method: route.method.toUpperCase(),
        headers: {},
      }
      for (const forged of [
        'Bearer x',
        'Bearer a.b.c',
        'Basic eDp5',
        `Bearer ${tokens.user?.slice(0, -5)}AAAAA`,
      ]) {
        const response = await send({ ...request, headers: { authorization: forged } }, 'nobody')
        expect((await readProblem(response)).code).toBe('unauthorized')
      }
    })
  })

  it.each([
    ['a call', '/calls/{id}', (): string => callId, ['other user', 'wrong role']],
    // Agents see every device.
    ['a device', '/devices/{id}', (): string => deviceId, ['wrong role']],
    ['a notification', '/notifications/{id}', (): string => notificationId, ['user', 'wrong role']],
  ] as const)(
    'answers alike for %s of somebody else and for one that does not exist (S60)',
    async (_, prefix, theirId, strangers) => {
      const missing = '019aa5b8-7c00-7000-8000-0000000000ff'
      for (const route of allRoutes.filter((candidate) => candidate.path.startsWith(prefix))) {
        for (const as of strangers) {
          const ask = async (id: string): Promise<Record<string, unknown>> => {
            const body = goodBodies[name(route)]
            const request = {
              path: fill(route.path, id),
              method: route.method.toUpperCase(),
              headers: body === undefined ? {} : { 'content-type': 'application/json' },
              ...(body === undefined ? {} : { body }),
            }
            const problem =
              route.policy.access === 'socket'
                ? await refusedUpgrade(`${system.wsUrl}${request.path}`, tokens[as])
                : await readProblem(await send(request, as))
            const { requestId: _, instance: __, ...shown } = problem
            return shown
          }
          const [theirs, none] = [await ask(theirId()), await ask(missing)]
          expect(theirs, `${name(route)} as ${as}`).toEqual(none)
          // Who may do such a thing with no call at all learns that, and nothing of this one.
          const { permission, stepUp = false } = route.policy
          const may =
            !stepUp &&
            (permission === undefined || permissionsOf(rolesOf[as] ?? []).includes(permission))
          expect(theirs.status, `${name(route)} as ${as}`).toBe(may ? 404 : 403)
        }
      }
    },
  )

  it('answers 405 with Allow, 404 and 501 as the contract says', async () => {
    const wrongMethod = await fetch(`${system.url}/auth/login`)
    expect(wrongMethod.headers.get('allow')).toBe('POST')
    expect((await readProblem(wrongMethod)).code).toBe('method_not_allowed')
    expect((await readProblem(await fetch(`${system.url}/no/such/path`))).code).toBe('not_found')
    expect((await readProblem(await fetch(`${system.url}/internal/gauges`))).code).toBe('not_found')
    expect((await readProblem(await fetch(`${system.url}/v1/reports/agents`))).code).toBe(
      'not_implemented',
    )
  })

  it('answers bodies that are too large, instead of hanging up on them (S72)', async () => {
    const body = JSON.stringify({ unknownField: 'x'.repeat(300 * 1024) })
    const headers = { 'content-type': 'application/json' }
    for (let round = 0; round < 5; round++) {
      const asked = ['/users/register', '/calls/start', '/no/such/path', '/auth/login'].flatMap(
        (path) =>
          (['nobody', 'user'] as const).map((as) =>
            send({ path, method: 'POST', headers, body }, as),
          ),
      )
      const codes = (await Promise.all((await Promise.all(asked)).map(readProblem))).map(
        ({ code }) => code,
      )
      const large = 'payload_too_large'
      expect(codes).toEqual([
        large,
        large,
        'unauthorized',
        large,
        'not_found',
        'not_found',
        large,
        large,
      ])
    }
  })

  it('changed nothing', async () => {
    expect(await snapshot(system)).toEqual(before)
  })
})
