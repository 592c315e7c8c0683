import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { AppError, newId } from '@menagerie/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Env } from '../src/context.ts'
import {
  addressOf,
  beginAttempt,
  beginSend,
  forgetAttempts,
  unlock,
} from '../src/guard/login-guard.ts'
import { networkOf } from '../src/guard/network-of.ts'
import { call, env, freshPhone, password, seeded } from './support/accounts.ts'

const minute = 60_000
const hour = 60 * minute

/** Turns the clock on; objects and Worker run in this isolate. */
function pass(ms: number): void {
  const now = Date.now()
  if (!vi.isFakeTimers()) vi.useFakeTimers({ toFake: ['Date'] })
  vi.setSystemTime(now + ms)
}
afterEach(() => {
  vi.useRealTimers()
})

let addresses = 0
const freshAddress = () => `198.51.${100 + (addresses >> 8)}.${addresses++ & 255}`

/** `ok`, or the seconds to wait. */
const outcome = async (work: Promise<unknown>): Promise<'ok' | number> => {
  try {
    await work
    return 'ok'
  } catch (error) {
    if (error instanceof AppError && error.code === 'too_many_attempts')
      return error.options.retryAfterSeconds ?? 0
    throw error
  }
}

const tryPassword = (account: string, address: string, by: Env = env) =>
  beginAttempt(by, { account, address, kind: 'password' })

/** Uses up what an account has before it must wait. */
async function exhaust(account: string, address: string) {
  for (let i = 0; i < 5; i++) await tryPassword(account, address)
  // What was tried just now may still turn out to be right.
  pass(3_000)
}

describe('attempts at an account', () => {
  it('wait from the fifth failure on, each time longer, and from any address (S47)', async () => {
    const account = newId()
    await exhaust(account, freshAddress())
    expect(await outcome(tryPassword(account, freshAddress()))).toBe(27)
    pass(27_000)
    expect(await outcome(tryPassword(account, freshAddress()))).toBe('ok')
    pass(3_000)
    expect(await outcome(tryPassword(account, freshAddress()))).toBe(57)
  })

  it('are counted before the secret is looked at: of 50 parallel ones 5 are (S48)', async () => {
    const account = newId()
    const address = freshAddress()
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, () => outcome(tryPassword(account, address))),
    )
    expect(outcomes.filter((one) => one === 'ok')).toHaveLength(5)
  })

  it('in parallel go on as soon as one of them was right', async () => {
    const account = newId()
    const address = freshAddress()
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () =>
        outcome(tryPassword(account, address).then((attempt) => attempt.succeeded())),
      ),
    )
    expect(new Set(outcomes)).toEqual(new Set(['ok']))
  })

  it('do not keep the user out who comes from where they have been (S47)', async () => {
    const account = newId()
    const home = freshAddress()
    await (await tryPassword(account, home)).succeeded()
    await exhaust(account, freshAddress())
    expect(await outcome(tryPassword(account, freshAddress()))).toBeGreaterThan(0)
    expect(await outcome(tryPassword(account, home))).toBe('ok')
  })

  it('with codes are counted on their own: a right password clears none of them', async () => {
    const account = newId()
    const address = freshAddress()
    const tryCode = () => beginAttempt(env, { account, address, kind: 'code' })
    for (let i = 0; i < 5; i++) await tryCode()
    pass(3_000)
    await (await tryPassword(account, address)).succeeded()
    expect(await outcome(tryCode())).toBeGreaterThan(0)
  })

  it('begin anew when the account is unlocked, and leave nothing when it is forgotten', async () => {
    const account = newId()
    await exhaust(account, freshAddress())
    await unlock(env, account)
    expect(await outcome(tryPassword(account, freshAddress()))).toBe('ok')
    await forgetAttempts(env, account)
    expect(await keptOf(`account:${account}`)).toBeUndefined()
  })
})

const keptOf = (name: string) =>
  runInDurableObject(env.LOGIN_GUARD.getByName(name), (_object, state) =>
    state.storage.kv.get<unknown>('kept'),
  )

describe('an address', () => {
  const limited = { ...env, SIGN_INS_PER_MINUTE: '60' } as Env

  it('may try 60 times a minute, whatever the account (S47)', async () => {
    const address = freshAddress()
    for (let i = 0; i < 60; i++) await tryPassword(newId(), address, limited)
    expect(await outcome(tryPassword(newId(), address, limited))).toBeGreaterThan(0)
    expect(await outcome(tryPassword(newId(), freshAddress(), limited))).toBe('ok')
    pass(61_000)
    expect(await outcome(tryPassword(newId(), address, limited))).toBe('ok')
  })

  it('is forgotten once its minute is over', async () => {
    const address = freshAddress()
    await tryPassword(newId(), address)
    const guard = env.LOGIN_GUARD.getByName(`address:${address}`)
    pass(61_000)
    await runDurableObjectAlarm(guard)
    const tables = await runInDurableObject(guard, (_object, state) => [...state.storage.kv.list()])
    expect(tables).toEqual([])
  })

  it('is what the platform tells, whatever else the client says (S49)', () => {
    const headers: Record<string, string> = {
      'cf-connecting-ip': '203.0.113.9',
      'x-forwarded-for': '10.0.0.1',
      'x-real-ip': '10.0.0.1',
      'true-client-ip': '10.0.0.1',
    }
    expect(addressOf({ req: { header: (name) => headers[name] } })).toBe('203.0.113.9')
  })

  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['unknown', 'unknown'],
  ])('%s is counted as %s', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })
})

describe('what is sent', () => {
  it('to one number is at most 5 an hour and 10 a day', async () => {
    const destination = freshPhone()
    const send = () =>
      outcome(beginSend(env, { account: null, address: freshAddress(), destination }))
    const several = async (times: number) => {
      const outcomes = []
      for (let i = 0; i < times; i++) outcomes.push(await send())
      return outcomes.filter((one) => one === 'ok').length
    }
    expect(await several(7)).toBe(5)
    pass(hour + 2_000)
    expect(await several(7)).toBe(5)
    pass(hour + 2_000)
    expect(await several(1)).toBe(0)
    pass(24 * hour)
    expect(await several(1)).toBe(1)
  })

  it('by one account is at most 10 an hour, and for one address 30', async () => {
    const send = (account: string | null, address: string) =>
      outcome(beginSend(env, { account, address, destination: `${newId()}@example.com` }))
    const account = newId()
    const address = freshAddress()
    for (let i = 0; i < 10; i++) expect(await send(account, freshAddress())).toBe('ok')
    expect(await send(account, freshAddress())).toBeGreaterThan(0)
    for (let i = 0; i < 30; i++) expect(await send(null, address)).toBe('ok')
    expect(await send(null, address)).toBeGreaterThan(0)
  })
})

describe('a sign-in', () => {
  const attemptAt = (username: string, secret: string, address: string, more = {}) =>
    call('/auth/login', {
      body: { username, password: secret },
      headers: { 'cf-connecting-ip': address, ...more },
    })

  it('answers 429 after five wrong passwords, for known and unknown names alike (S47)', async () => {
    const known = await seeded('user')
    const answers = []
    for (const username of [known, freshPhone()]) {
      const address = freshAddress()
      for (let i = 0; i < 5; i++)
        expect((await attemptAt(username, 'wrong', address)).status).toBe(401)
      pass(3_000)
      const refused = await attemptAt(username, password, address)
      const { requestId: _, ...body } = refused.body
      answers.push([refused.status, body, Number(refused.headers.get('retry-after')) > 20])
    }
    expect(answers[0]).toEqual(answers[1])
    expect(answers[0]?.[0]).toBe(429)
  })

  it('is not let through by a header that says it comes from elsewhere (S49)', async () => {
    const username = await seeded('user')
    const address = freshAddress()
    const spoof = (i: number) => ({ 'x-forwarded-for': `10.0.0.${i}`, 'x-real-ip': `10.0.0.${i}` })
    for (let i = 0; i < 5; i++) await attemptAt(username, 'wrong', address, spoof(i))
    pass(3_000)
    expect((await attemptAt(username, password, address, spoof(6))).status).toBe(429)
  })

  it('looks at 5 of 50 parallel guesses (S48)', async () => {
    const username = await seeded('user')
    const address = freshAddress()
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => attemptAt(username, 'wrong', address)),
    )
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 401)).toHaveLength(5)
    expect(statuses.filter((status) => status === 429)).toHaveLength(45)
  })
})
