import type { User } from '@menagerie/contracts'
import { beforeAll, describe, expect, it } from 'vitest'
import { call, env, seeded, signedIn } from './support/accounts.ts'

let token = ''
let adminToken = ''
const emails = Array.from({ length: 7 }, (_, i) => `listed-${i}@example.com`)

beforeAll(async () => {
  await env.DB.prepare('DELETE FROM users').run()
  for (const email of emails) await seeded('agent', email)
  token = (await signedIn(await seeded('supervisor'))).access_token
  adminToken = (await signedIn(await seeded('admin'))).access_token
})

const list = (query: string, by = token) => call<User[]>(`/users/list${query}`, { token: by })

async function walk(query: string): Promise<User[]> {
  const seen: User[] = []
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const answer = await list(`${query}${cursor === '' ? '' : `&cursor=${cursor}`}`)
    expect(answer.status).toBe(200)
    seen.push(...answer.body.data)
    cursor = answer.body.meta.nextCursor
  }
  return seen
}

describe('the list of accounts', () => {
  it('walks every account once, in both directions and by either column', async () => {
    const total = await env.DB.prepare('SELECT count(*) AS n FROM users').first<{ n: number }>()
    for (const sort of ['createdAt', '-createdAt', 'username', '-username']) {
      const seen = await walk(`?limit=2&sort=${sort}`)
      expect(seen).toHaveLength(total?.n ?? 0)
      expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length)
      const keys = seen.map((user) => (sort.endsWith('username') ? user.username : user.createdAt))
      const ordered = keys.toSorted()
      expect(keys).toEqual(sort.startsWith('-') ? ordered.toReversed() : ordered)
    }
  })

  it('shows the next page in Link (RFC 8288) and never a hash', async () => {
    const answer = await list('?limit=2&role=agent')
    const next = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1] ?? ''
    const second = await call<User[]>(next, { token })
    expect(second.body.data).toHaveLength(2)
    expect(JSON.stringify(second.body)).not.toContain('$2b$')
  })

  it('filters by role, status, start of the name and of a word of the display name', async () => {
    expect(await walk('?role=agent&limit=3')).toHaveLength(7)
    expect(await walk('?q=LISTED-3')).toHaveLength(1)
    expect(await walk('?q=sted-3')).toHaveLength(0)
    expect(await walk('?q=Test%20Superv')).toHaveLength(1)
    expect(await walk('?q=uperv')).toHaveLength(0)
    expect(await walk('?status=disabled')).toHaveLength(0)
    expect(await walk(`?q=${encodeURIComponent(`%_'"`)}`)).toHaveLength(0)
  })

  it('refuses a cursor that was changed, or made for another query or caller', async () => {
    const cursor = (await list('?limit=2&role=agent')).body.meta.nextCursor ?? ''
    const [body, mac] = cursor.split('.')
    const forged = btoa(JSON.stringify([0, 'x'])).replaceAll('=', '')
    const answers = [
      await list(`?role=agent&cursor=${forged}.${mac}`),
      await list(`?role=agent&cursor=${body}`),
      await list(`?role=agent&cursor=${body}.${mac?.slice(1)}`),
      await list('?role=agent&cursor=%F0%9F%90%9F'),
      await list(`?role=user&cursor=${cursor}`),
      await list(`?role=agent&sort=username&cursor=${cursor}`),
      await list(`?role=agent&cursor=${cursor}`, adminToken),
    ]
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 422))
    expect(answers.map(({ body: { errors } }) => errors?.[0]?.code)).toEqual(
      answers.map(() => 'invalid_cursor'),
    )
    expect((await list(`?role=agent&cursor=${cursor}`)).status).toBe(200)
  })

  it('is for those who may read users', async () => {
    const user = (await signedIn(await seeded('user'))).access_token
    expect((await list('', user)).status).toBe(403)
    expect((await call('/users/list')).status).toBe(401)
    expect((await list('?limit=201')).status).toBe(422)
    expect((await list('?page=1')).status).toBe(422)
  })
})
