import type { User, UserListQuery } from '@menagerie/contracts'
import { newId } from '@menagerie/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listStatement } from '../../src/db/list-users.ts'
import { byAge, WALKED_NAMES } from '../../src/db/search-users.ts'
import { searchExpression, searchNameOf, searchTerms } from '../../src/users/search-words.ts'
import { call, env } from '../support/accounts.ts'
import { type Person, person } from './support.ts'

let reader: Person
beforeAll(async () => {
  reader = await person('supervisor')
})

const list = (query: Record<string, string>) =>
  call<User[]>(`/users/list?${new URLSearchParams(query)}`, { token: reader.token })

/** Every page to the end, whatever each holds. */
async function walk(query: Record<string, string>): Promise<User[]> {
  const seen: User[] = []
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const answer = await list(cursor === '' ? query : { ...query, cursor })
    expect(answer.status).toBe(200)
    seen.push(...answer.body.data)
    cursor = answer.body.meta.nextCursor
  }
  return seen
}

let made = 0
async function insert(
  fields: Partial<Record<'username' | 'displayName' | 'roles' | 'status', string>>,
) {
  const { username = `${newId()}@example.com`, displayName = null, roles = '["user"]' } = fields
  await env.DB.prepare(
    `INSERT INTO users (id, username, password_hash, display_name, search_name, roles, status, created_at)
     VALUES (?, ?, 'x', ?, ?, ?, ?, ?)`,
  )
    .bind(
      newId(),
      username,
      displayName,
      searchNameOf(displayName),
      roles,
      fields.status ?? 'active',
      Date.now() + made++,
    )
    .run()
  return username
}

describe('a search for accounts', () => {
  it('finds the start of a user name and of every word of a display name', async () => {
    const username = await insert({ displayName: 'Jean-Luc O’Quetzal Иванов' })
    const found = async (q: string) =>
      (await walk({ q })).some((user) => user.username === username)
    for (const q of [
      'quetz',
      'QUETZAL',
      'jean quetz',
      'quetz jean',
      'luc о иван'.slice(0, 3),
      'ИВАН',
      'jean-l',
    ])
      expect([q, await found(q)]).toEqual([q, true])
    expect(await found(username.slice(0, 20))).toBe(true)
    for (const q of ['uetzal', 'quetzals', 'quetz pierre', 'example.com', '—', '§active', '¶user'])
      expect([q, await found(q)]).toEqual([q, false])
  })

  it('finds a phone number with and without +, and in groups', async () => {
    const username = await insert({ username: '+4930901820777' })
    for (const q of ['+4930901820', '4930901820777', '+49 30 901820', '49 (30) 90-1820'])
      expect((await walk({ q })).map((user) => user.username)).toEqual([username])
  })

  it('follows every change of a name, a role and a status, and forgets who is deleted', async () => {
    const username = await insert({ displayName: 'Xenophon' })
    const count = async (query: Record<string, string>) => (await walk(query)).length
    const update = (sql: string) =>
      env.DB.prepare(`UPDATE users SET ${sql} WHERE username = ?`).bind(username).run()
    expect(await count({ q: 'xenoph', status: 'active', role: 'user' })).toBe(1)
    await update(`roles = '["agent"]', status = 'disabled'`)
    expect(await count({ q: 'xenoph', role: 'user' })).toBe(0)
    expect(await count({ q: 'xenoph', status: 'disabled', role: 'agent', sort: 'username' })).toBe(
      1,
    )
    await update(`search_name = 'yacov'`)
    expect([await count({ q: 'xenoph' }), await count({ q: 'yacov' })]).toEqual([0, 1])
    await env.DB.prepare('DELETE FROM users WHERE username = ?').bind(username).run()
    expect(await count({ q: 'yacov' })).toBe(0)
    const { results } = await env.DB.prepare('SELECT * FROM user_roles WHERE username = ?')
      .bind(username)
      .all()
    expect(results).toEqual([])
  })

  it('walks every match once in every order, with each filter', async () => {
    const word = `w${newId().replaceAll('-', '')}`.slice(0, 16)
    for (let i = 0; i < 7; i++)
      await insert({
        username: `${'gecadbf'[i]}-${newId()}@example.com`,
        displayName: word,
        roles: i % 2 === 0 ? '["agent","user"]' : '["user"]',
        status: i % 3 === 0 ? 'disabled' : 'active',
      })
    for (const sort of ['createdAt', '-createdAt', 'username', '-username']) {
      const seen = await walk({ q: word, sort, limit: '2' })
      const keys = seen.map((user) => (sort.endsWith('username') ? user.username : user.createdAt))
      const ordered = keys.toSorted()
      expect(keys).toEqual(sort.startsWith('-') ? ordered.toReversed() : ordered)
      expect(seen).toHaveLength(7)
      expect(await walk({ q: word, sort, limit: '2', role: 'agent' })).toHaveLength(4)
      const both = { role: 'agent', status: 'disabled' }
      expect(await walk({ q: word, sort, limit: '1', ...both })).toHaveLength(2)
    }
  })

  it.each([
    `' OR 1=1 --`,
    `") OR 1=1 --`,
    `'; DROP TABLE users; --`,
    `" OR "a"*`,
    'a* OR NEAR(b c)',
    'username:a',
    '^a AND -b',
    '{a}: "x"',
    `' AND randomblob(500000000) IS NULL --`,
    '%_\\',
    '\u0000',
    '"'.repeat(100),
    'ǆ ß ﬀ İ 𝔘',
  ])('takes %j for text (S70)', async (q) => {
    for (const sort of ['-createdAt', 'username']) {
      const answer = await list({ q, sort })
      expect(answer.status).toBe(200)
      expect(answer.body.data.length).toBeLessThan(200)
    }
    const others = await Promise.all([
      list({ role: q }),
      list({ status: q }),
      list({ sort: q }),
      list({ cursor: q }),
      list({ limit: q }),
    ])
    expect(others.map(({ status }) => status)).toEqual(others.map(() => 422))
    expect(await env.DB.prepare('SELECT 1 AS one FROM users LIMIT 1').first()).toEqual({ one: 1 })
  })
})

describe('a search with thousands of matches', () => {
  const total = WALKED_NAMES + 500
  beforeAll(async () => {
    await env.DB.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
       INSERT INTO users (id, username, password_hash, search_name, roles, status, created_at)
       SELECT 'many-' || i, printf('many-%05d@example.com', i * 7919 % 100003), 'x',
         iif(i % 2, 'plentiful', 'rare'), '["user"]', 'active', ? + i FROM n`,
    )
      .bind(total - 1, Date.now())
      .run()
  })
  afterAll(async () => {
    await env.DB.prepare(`DELETE FROM users WHERE id LIKE 'many-%'`).run()
  })

  it('is walked to the end in every order, a piece of the names at a time', async () => {
    for (const sort of ['username', '-username', '-createdAt']) {
      const seen = await walk({ q: 'plentif', sort, limit: '200' })
      expect(new Set(seen.map(({ id }) => id)).size).toBe(total / 2)
      expect(seen).toHaveLength(total / 2)
      if (sort === '-createdAt') continue
      const names = seen.map(({ username }) => username)
      const ordered = names.toSorted()
      expect(names).toEqual(sort === 'username' ? ordered : ordered.toReversed())
    }
  })

  it.each(['createdAt', '-createdAt'] as const)(
    'reads no more for a page deep in it than for the first: %s',
    async (sort) => {
      const query = { q: 'many-', sort, limit: 50 } as const
      const terms = searchTerms(query.q)
      if (terms === undefined) throw new Error('There is nothing to look for')
      const read = async (after?: number) => {
        const expression = searchExpression(terms, {})
        const { sql, params } = byAge(
          env.DB,
          query,
          expression,
          after === undefined ? undefined : [after],
        ).toSQL()
        const { results, meta } = await env.DB.prepare(sql)
          .bind(...params)
          .all<{ number: number }>()
        return { numbers: results.map((row) => Object.values(row).at(-1)), rows: meta.rows_read }
      }
      const { numbers, rows } = await read()
      expect(numbers).toHaveLength(51)
      const middle = Number(numbers[0]) + (sort === 'createdAt' ? 1 : -1) * (total / 2)
      const deep = await read(middle)
      expect(deep.numbers).toHaveLength(51)
      expect(deep.rows).toBeLessThan(rows + 10)
    },
  )

  it('gives the same with filters', async () => {
    const query = { q: 'many-', sort: 'username', role: 'user', status: 'active', limit: '200' }
    expect(await walk(query)).toHaveLength(total)
    expect(await walk({ ...query, role: 'agent' })).toHaveLength(0)
  })
})

describe('the plans of lists and searches', () => {
  const sorts = ['createdAt', '-createdAt', 'username', '-username'] as const
  const filters = [
    {},
    { status: 'active' },
    { role: 'user' },
    { role: 'user', status: 'active' },
  ] as const
  const cases = sorts.flatMap((sort) =>
    filters.flatMap((filter) => [false, true].map((deep) => ({ sort, ...filter, deep }))),
  )

  async function planOf({ sql, params }: { sql: string; params: unknown[] }): Promise<string> {
    const { results } = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .bind(...params)
      .all<{ detail: string }>()
    return results.map(({ detail }) => detail).join('\n')
  }

  it.each(cases)('walk an index and sort nothing: $sort $status $role deep $deep', async (one) => {
    const { deep, ...query } = { limit: 50, ...one }
    const after = deep ? (query.sort.endsWith('username') ? ['m'] : [1, 'm']) : undefined
    const plan = await planOf(listStatement(env.DB, query as UserListQuery, after).toSQL())
    expect(plan).not.toMatch(/TEMP B-TREE/)
    for (const step of plan.split('\n')) expect(step).toMatch(/USING (COVERING )?INDEX/)
    if ('role' in query || deep || 'status' in query) expect(plan).not.toMatch(/^SCAN/m)
  })

  it.each(cases.filter(({ sort }) => sort.endsWith('createdAt')))(
    'of a search walk the word index in its order: $sort $status $role deep $deep',
    async (one) => {
      const { deep, ...query } = { limit: 50, ...one }
      const terms = searchTerms('ada lov')
      if (terms === undefined) throw new Error('There is nothing to look for')
      const expression = searchExpression(terms, query as UserListQuery)
      const statement = byAge(env.DB, query as UserListQuery, expression, deep ? [7] : undefined)
      const [first, second, ...more] = (await planOf(statement.toSQL())).split('\n')
      expect(first).toMatch(/^SCAN user_search VIRTUAL TABLE INDEX/)
      expect(second).toBe('SEARCH users USING INTEGER PRIMARY KEY (rowid=?)')
      expect(more).toEqual([])
    },
  )
})
