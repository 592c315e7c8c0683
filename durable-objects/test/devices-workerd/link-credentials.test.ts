import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it, vi } from 'vitest'
import { type Bridge, connectBridge } from './support.ts'

let links = 0
const newLink = () => {
  const name = `credentials-${links++}`
  return { name, link: env.BRIDGE_LINK.getByName(name) }
}

/** A bridge that answers what it is asked about credentials, and the user names as the broker then knows them. */
class Telling {
  readonly broker = new Map<string, string>()
  answer: 'ok' | 'refuse' | 'silence' = 'ok'
  readonly bridge: Bridge
  #seen = 0

  constructor(bridge: Bridge) {
    this.bridge = bridge
    bridge.socket.addEventListener('message', () => queueMicrotask(() => this.#look()))
    this.#look()
  }

  get asked() {
    return this.bridge.frames.filter(({ type }) => type === 'credentials.set')
  }

  #look(): void {
    for (; this.#seen < this.asked.length; this.#seen++) {
      const asked = this.asked[this.#seen]
      if (asked === undefined || this.answer === 'silence') continue
      const { id, data } = asked
      const done = this.answer === 'ok'
      if (done && data.password === null) this.broker.delete(String(data.username))
      else if (done) this.broker.set(String(data.username), String(data.password))
      const detail = done ? {} : { detail: 'no such role' }
      this.bridge.send({ type: 'credentials.done', id, data: { ok: done, ...detail } })
    }
  }
}

const telling = async (name: string) => new Telling(await connectBridge(name))
const change = (password: string, more: object = {}) => ({
  deviceId: 'd',
  username: 'd',
  password,
  others: [],
  ...more,
})
/** All that the link keeps of credentials. */
const stored = (link: ReturnType<typeof newLink>['link']) =>
  runInDurableObject(link, (_, state) =>
    JSON.stringify(state.storage.sql.exec('SELECT * FROM owed').toArray()),
  )
const turn = (link: ReturnType<typeof newLink>['link'], ms: number) =>
  runInDurableObject(link, (_, state) => {
    state.storage.sql.exec(
      `UPDATE owed SET waits_until = waits_until - ?1, ends_at = ends_at - ?1, next_at = next_at - ?1`,
      ms,
    )
  })
const HOUR = 3_600_000

describe('credentials at a link', () => {
  it('are confirmed by the bridge, and nothing of them is kept', async () => {
    const { name, link } = newLink()
    const there = await telling(name)
    expect(await link.issueCredentials(change('secret'))).toEqual({ ok: true, value: 'active' })
    expect(there.asked[0]?.data).toEqual({ deviceId: 'd', username: 'd', password: 'secret' })
    expect(await stored(link)).toBe('[]')
    expect(await link.credentialStates('d')).toEqual({})
  })

  it('wait sealed for a bridge that is away, through crashes, and are set once one has come', async () => {
    const { name, link } = newLink()
    expect(await link.issueCredentials(change('older'))).toEqual({ ok: true, value: 'waiting' })
    expect(await link.issueCredentials(change('secret'))).toEqual({ ok: true, value: 'waiting' })
    expect(await link.credentialStates('d')).toEqual({ d: 'waiting' })
    const kept = await stored(link)
    expect(kept).toContain('"sealed":"')
    expect(kept).not.toMatch(/older|secret/)
    await evictDurableObject(link)
    const there = await telling(name)
    await vi.waitFor(() => expect([...there.broker]).toEqual([['d', 'secret']]))
    await vi.waitFor(async () => expect(await link.credentialStates('d')).toEqual({}))
    expect(await stored(link)).toBe('[]')
  })

  it('take no answer but that of the bridge that was asked', async () => {
    const { name, link } = newLink()
    const there = await telling(name)
    there.answer = 'silence'
    const forger = await connectBridge(name)
    const issued = link.issueCredentials(change('secret'))
    await there.bridge.until(() => there.asked.length === 1)
    const { id } = there.asked[0] ?? {}
    forger.send({ type: 'credentials.done', id, data: { ok: true } })
    forger.send('ping')
    await forger.until(() => forger.pongs === 1)
    expect(await stored(link)).toContain('"sealed":"')
    there.bridge.send({ type: 'credentials.done', id, data: { ok: true } })
    expect(await issued).toEqual({ ok: true, value: 'active' })
  })

  it('are told again by an alarm that was set before, should the object end before the answer', async () => {
    const { name, link } = newLink()
    const there = await telling(name)
    there.answer = 'silence'
    void link.issueCredentials(change('secret')).catch(() => {})
    await there.bridge.until(() => there.asked.length === 1)
    const alarm = await runInDurableObject(link, (_, state) => state.storage.getAlarm())
    expect(alarm).toBeLessThan(Date.now() + 11_000)
    there.answer = 'ok'
    await turn(link, 10_000)
    await runDurableObjectAlarm(link)
    expect(there.broker.get('d')).toBe('secret')
  })

  it('are dropped after 24 hours without a bridge, which is told', async () => {
    const { name, link } = newLink()
    await link.issueCredentials(change('secret'))
    await turn(link, 24 * HOUR + 1)
    await runDurableObjectAlarm(link)
    expect(await stored(link)).toContain('"sealed":null')
    expect(await link.credentialStates('d')).toEqual({ d: 'dropped' })
    const there = await telling(name)
    expect(await link.issueCredentials(change('newer'))).toEqual({ ok: true, value: 'active' })
    expect(there.asked.map(({ data }) => data.password)).toEqual(['newer'])
    expect(await link.credentialStates('d')).toEqual({})
  })

  it('that were sealed with another key are dropped, which is told, and hold nothing else up', async () => {
    const { name, link } = newLink()
    await link.issueCredentials(change('secret'))
    await runInDurableObject(link, (_, state) =>
      state.storage.sql.exec(`UPDATE owed SET sealed = 'bm8gc3VjaCBrZXk'`),
    )
    await link.issueCredentials(change('other', { deviceId: 'e', username: 'e' }))
    const there = await telling(name)
    await vi.waitFor(() => expect([...there.broker]).toEqual([['e', 'other']]))
    await vi.waitFor(async () => expect(await link.credentialStates('d')).toEqual({ d: 'dropped' }))
  })

  it('wait when the bridge goes before it has answered', async () => {
    const { name, link } = newLink()
    const there = await telling(name)
    there.answer = 'silence'
    const issued = link.issueCredentials(change('secret'))
    await there.bridge.until(() => there.asked.length === 1)
    there.bridge.socket.close(1000, 'gone')
    expect(await issued).toEqual({ ok: true, value: 'waiting' })
    const next = await telling(name)
    await vi.waitFor(() => expect(next.broker.get('d')).toBe('secret'))
  })

  it('that the broker refuses are not kept, and what waited before is as it was', async () => {
    const { name, link } = newLink()
    const there = await telling(name)
    there.answer = 'refuse'
    expect(await link.issueCredentials(change('secret'))).toMatchObject({
      ok: false,
      error: { code: 'unavailable', detail: expect.stringContaining('no such role') },
    })
    expect(await stored(link)).toBe('[]')
  })

  it('end when their time has come, at a bridge that was away then too', async () => {
    const { name, link } = newLink()
    const there = await telling(name)
    await link.issueCredentials(change('first'))
    const endsAt = Date.now() + HOUR
    const others = [{ username: 'd', endsAt }]
    expect(await link.issueCredentials(change('second', { username: 'd~2', others }))).toEqual({
      ok: true,
      value: 'active',
    })
    expect([...there.broker.keys()]).toEqual(['d', 'd~2'])
    there.bridge.socket.close(1000, 'gone')
    await vi.waitFor(async () => expect((await link.status()).connected).toBe(false))
    await turn(link, HOUR)
    const next = await telling(name)
    await vi.waitFor(() => expect(next.asked).toHaveLength(1))
    expect(next.asked[0]?.data).toEqual({ deviceId: 'd', username: 'd', password: null })
    await vi.waitFor(async () => expect(await stored(link)).toBe('[]'))
  })

  it('end by the alarm, with the bridge there', async () => {
    const { name, link } = newLink()
    const there = await telling(name)
    await link.issueCredentials(change('first'))
    const others = [{ username: 'd', endsAt: Date.now() + 200 }]
    await link.issueCredentials(change('second', { username: 'd~2', others }))
    expect(there.broker.has('d')).toBe(true)
    await vi.waitFor(() => expect([...there.broker.keys()]).toEqual(['d~2']), { timeout: 5_000 })
  })

  it('that are set again are not taken away by an end of before', async () => {
    const { name, link } = newLink()
    const there = await telling(name)
    await link.issueCredentials(change('first'))
    const others = [{ username: 'd', endsAt: Date.now() + HOUR }]
    await link.issueCredentials(change('second', { username: 'd~2', others }))
    await link.issueCredentials(
      change('third', { others: [{ username: 'd~2', endsAt: Date.now() }] }),
    )
    expect([...there.broker]).toEqual([['d', 'third']])
    expect(await stored(link)).toBe('[]')
  })

  it('are revoked at once; without a bridge as soon as one is there, and what waited is never set', async () => {
    const { name, link } = newLink()
    await link.issueCredentials(change('secret'))
    expect(await link.endCredentials('d', ['d', 'd~2'])).toBe('waiting')
    expect(await stored(link)).toContain('"sealed":null')
    expect(await link.credentialStates('d')).toEqual({})
    await turn(link, 90 * 24 * HOUR)
    const there = await telling(name)
    await vi.waitFor(() => expect(there.asked).toHaveLength(2))
    expect(there.asked.map(({ data }) => data.password)).toEqual([null, null])
    await vi.waitFor(async () => expect(await stored(link)).toBe('[]'))
    await link.issueCredentials(change('again'))
    expect(await link.endCredentials('d', ['d', 'd~2'])).toBe('done')
    expect(there.broker.size).toBe(0)
  })

  it('are tried again when the broker could not take them at the bridge’s start', async () => {
    const { name, link } = newLink()
    await link.issueCredentials(change('secret'))
    const there = await telling(name)
    there.answer = 'refuse'
    await vi.waitFor(() => expect(there.asked.length).toBeGreaterThan(0))
    there.answer = 'ok'
    await vi.waitFor(() => expect(there.broker.get('d')).toBe('secret'), { timeout: 8_000 })
  })
})
