import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import type { Downlink } from '@menagerie/contracts'
import { describe, expect, it, vi } from 'vitest'
import { type Bridge, connectBridge, until } from './support.ts'

let links = 0
const newLink = () => {
  const name = `broker-${links++}`
  return { name, link: env.BRIDGE_LINK.getByName(name) }
}

const downlink = (id: string, text = ''): Downlink => ({
  id,
  topic: 'v1/devices/d/twin/delta',
  payload: { id, text },
  qos: 1,
  retain: false,
})

const ids = (bridge: Bridge) => bridge.messages.map(({ id }) => id)
const isClosed = (bridge: Bridge) =>
  until(
    () => bridge.closed !== undefined,
    () => JSON.stringify(bridge.frames),
  )

describe('the link to a broker', () => {
  it('makes no tables before its first use', async () => {
    const { link } = newLink()
    expect(await link.status()).toEqual({ connected: false, queued: 0, generation: 0 })
    const tables = await runInDurableObject(link, (_, state) =>
      state.storage.sql
        .exec(`SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'`)
        .toArray(),
    )
    expect(tables).toEqual([])
  })

  it('keeps messages in order until the broker has them, over sockets and memory', async () => {
    const { name, link } = newLink()
    await link.enqueue([downlink('a'), downlink('b')])
    await link.enqueue([downlink('b'), downlink('c')])
    const first = await connectBridge(name)
    await first.until(() => first.messages.length === 3)
    expect(first.frames[0]).toEqual({ type: 'welcome', data: { link: name, generation: 1 } })
    expect(ids(first)).toEqual(['a', 'b', 'c'])
    first.published(['a', 'unknown'])
    await vi.waitFor(async () => expect((await link.status()).queued).toBe(2))
    await evictDurableObject(link)
    await link.enqueue([downlink('d')])
    await first.until(() => ids(first).includes('d'))
    expect(ids(first)).toEqual(['a', 'b', 'c', 'd'])
    const second = await connectBridge(name)
    await second.until(() => second.messages.length === 3)
    expect(ids(second)).toEqual(['b', 'c', 'd'])
    second.published(['b', 'c', 'd'])
    await vi.waitFor(async () => expect((await link.status()).queued).toBe(0))
    await link.enqueue([downlink('a'), downlink('e')])
    await second.until(() => ids(second).includes('e'))
    expect(ids(second)).toEqual(['b', 'c', 'd', 'e'])
    expect(await link.status()).toEqual({ connected: true, queued: 1, generation: 2 })
  })

  it('is held by one bridge: a newer one supersedes the older', async () => {
    const { name, link } = newLink()
    const older = await connectBridge(name)
    const newer = await connectBridge(name)
    await isClosed(older)
    expect(older.closed).toEqual({ code: 4409, reason: 'superseded' })
    await link.enqueue([downlink('a')])
    await newer.until(() => newer.messages.length === 1)
    expect(newer.frames[0]?.data).toEqual({ link: name, generation: 2 })
    expect(older.messages).toEqual([])
  })

  it('lets a bridge hold at most 1,000 messages, in frames of at most 100 and 256 KiB', async () => {
    const { name, link } = newLink()
    const many = Array.from({ length: 1_100 }, (_, index) => downlink(`m${index}`))
    await link.enqueue(many)
    const bridge = await connectBridge(name)
    await bridge.until(() => bridge.messages.length === 1_000)
    expect(await link.status()).toMatchObject({ queued: 1_100 })
    expect(bridge.messages).toHaveLength(1_000)
    bridge.published(ids(bridge).slice(0, 50))
    await bridge.until(() => bridge.messages.length === 1_050)
    bridge.published(ids(bridge).slice(50))
    await bridge.until(() => bridge.messages.length === 1_100)
    bridge.published(ids(bridge).slice(0, 1_000))
    bridge.published(ids(bridge).slice(1_000))
    await link.enqueue(Array.from({ length: 3 }, (_, n) => downlink(`l${n}`, 'x'.repeat(100_000))))
    await bridge.until(() => ids(bridge).includes('l2'))
    const sizes = bridge.frames
      .filter(({ type }) => type === 'publish')
      .map(({ data }) => (data.messages as Downlink[]).length)
    expect(Math.max(...sizes)).toBe(100)
    expect(sizes.slice(-2)).toEqual([2, 1])
  })

  it('has the bridge confirm credentials, and says what to do when nobody does', async () => {
    const { name, link } = newLink()
    expect(await link.setCredentials('d', 'secret')).toMatchObject({
      ok: false,
      error: { code: 'unavailable', detail: expect.stringContaining('start it') },
    })
    const bridge = await connectBridge(name)
    const asked = () => bridge.frames.filter(({ type }) => type === 'credentials.set')
    const answer = (id: string | undefined, data: object) =>
      bridge.send({ type: 'credentials.done', id, data })
    const done = link.setCredentials('d', 'secret')
    await bridge.until(() => asked().length === 1)
    expect(asked()[0]?.data).toEqual({ deviceId: 'd', password: 'secret' })
    answer('another', { ok: false })
    answer(asked()[0]?.id, { ok: true })
    expect(await done).toEqual({ ok: true, value: null })
    const refused = link.setCredentials('d', null)
    await bridge.until(() => asked().length === 2)
    answer(asked()[1]?.id, { ok: false, detail: 'no such role' })
    expect(await refused).toMatchObject({
      error: { detail: expect.stringContaining('no such role') },
    })
    const lost = link.setCredentials('d', 'secret')
    await bridge.until(() => asked().length === 3)
    bridge.socket.close(1000, 'gone')
    expect(await lost).toMatchObject({ error: { code: 'unavailable' } })
    const rows = await runInDurableObject(link, (_, state) =>
      state.storage.sql.exec('SELECT body FROM queue').toArray(),
    )
    expect(JSON.stringify(rows)).not.toContain('secret')
  })

  it('closes for a malformed frame, for bytes, and when the token has ended', async () => {
    for (const [sent, code] of [
      ['{"type":"publish"}', 1008],
      ['no json', 1008],
      [new Uint8Array([1]), 1003],
    ] as const) {
      const bridge = await connectBridge(newLink().name)
      bridge.socket.send(sent)
      await isClosed(bridge)
      expect(bridge.closed?.code).toBe(code)
    }
    const { name, link } = newLink()
    const bridge = await connectBridge(name, {
      'x-menagerie-token-expires': String(Date.now() + 50),
    })
    await isClosed(bridge)
    expect(bridge.closed).toEqual({ code: 4401, reason: 'token ended' })
    await runDurableObjectAlarm(link)
    expect(await link.status()).toMatchObject({ connected: false })
    await expect(connectBridge(name, { 'x-menagerie-token-expires': '0' })).rejects.toThrow(
      'refused: 401',
    )
  })
})
