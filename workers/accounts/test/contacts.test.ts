import { exports } from 'cloudflare:workers'
import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, it } from 'vitest'
import type { ServiceTokens } from '../src/tokens/service-tokens.ts'
import { call, claimsOf, env, seeded, signedIn } from './support/accounts.ts'

const mint = async (service: string, audience: string): Promise<string> => {
  const { ServiceTokens: entrypoint } = exports as unknown as {
    ServiceTokens: (options: { props: object }) => Pick<ServiceTokens, 'mint'>
  }
  return (await entrypoint({ props: { service } }).mint(audience)).token
}

let token = ''
let adminToken = ''
let userId = ''
beforeAll(async () => {
  token = await mint('notifications', 'accounts')
  adminToken = (await signedIn(await seeded('admin', 'contact-admin@example.com'))).access_token
  userId = String(claimsOf(adminToken).sub)
})

const contact = (id: string, by?: string) => call(`/internal/contacts/${id}`, { token: by })

describe('how an account is reached', () => {
  it('is told to other Workers of ours', async () => {
    const { status, body } = await contact(userId, token)
    expect(status).toBe(200)
    expect(body.data).toEqual({
      email: 'contact-admin@example.com',
      emailVerified: true,
      phoneNumber: null,
      phoneNumberVerified: false,
      displayName: 'Test admin',
      locale: null,
      timeZone: null,
    })
  })

  it('is told to nobody else, not even an administrator: there is nothing there', async () => {
    const answers = await Promise.all([
      contact(userId, adminToken),
      contact(newId(), adminToken),
      contact(userId),
      contact(userId, await mint('notifications', 'devices')),
    ])
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 401, 401])
    expect(answers[0]?.body.detail).toBe(answers[1]?.body.detail)
  })

  it('is not told of accounts that are gone or disabled', async () => {
    expect((await contact(newId(), token)).status).toBe(404)
    expect((await contact("' OR 1=1 --", token)).status).toBe(404)
    const update = env.DB.prepare('UPDATE users SET status = ? WHERE id = ?')
    await update.bind('disabled', userId).run()
    try {
      expect((await contact(userId, token)).status).toBe(404)
    } finally {
      await update.bind('active', userId).run()
    }
  })
})
