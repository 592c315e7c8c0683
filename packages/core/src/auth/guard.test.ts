import { describe, expect, it } from 'vitest'
import type { AppError } from '../app-error.ts'
import type { Principal } from '../principal.ts'
import { bearerToken, requireSecondFactor } from './guard.ts'

const principal = (kind: Principal['kind'], acr: string): Principal => ({
  kind,
  id: 'somebody',
  username: '',
  sessionId: '',
  clientId: 'menagerie',
  roles: [],
  permissions: [],
  acr,
  issuedAt: 0,
  expiresAt: 1,
})

const refusalOf = (who: Principal) => {
  try {
    requireSecondFactor(who)
    return undefined
  } catch (error) {
    return error as AppError
  }
}

describe('a service behind the gateway', () => {
  it('asks for a second factor itself: nobody trusts the way a request came', () => {
    expect(refusalOf(principal('user', '2'))).toBeUndefined()
    expect(refusalOf(principal('service', '1'))).toBeUndefined()
    for (const who of [principal('user', '1'), principal('client', '1')])
      expect(refusalOf(who)).toMatchObject({
        code: 'step_up_required',
        status: 403,
        options: { members: { maxAgeSeconds: 300 } },
      })
  })
})

describe('the bearer token of a header', () => {
  it.each([
    ['Bearer abc', 'abc'],
    ['bearer  abc', 'abc'],
    ['Basic abc', undefined],
    ['Bearer a b', undefined],
    ['Bearer ', undefined],
    [undefined, undefined],
  ])('%s is %s', (header, token) => {
    expect(bearerToken(header)).toBe(token)
  })
})
