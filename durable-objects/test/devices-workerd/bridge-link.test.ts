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
    expect(await link.status()).toEqual({
      connected: false,
      standby: 0,
      queued: 0,
      held: 0,
      generation: 0,
    })
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
    const first = await connectBridge(name, {}, 'one')
    await first.until(() => first.messages.length === 3)
    expect(first.frames[0]).toEqual({
      type: 'welcome',
      data: { link: name, generation: 1, active: true },
    })
    expect(ids(first)).toEqual(['a', 'b', 'c'])
    first.published(['a', 'unknown'])
    await vi.waitFor(async () => expect((await link.status()).queued).toBe(2))
    await evictDurableObject(link)
    await link.enqueue([downlink('d')])
    await first.until(() => ids(first).includes('d'))
    expect(ids(first)).toEqual(['a', 'b', 'c', 'd'])
    const second = await connectBridge(name, {}, 'one')
    await second.until(() => second.messages.length === 3)
    expect(ids(second)).toEqual(['b', 'c', 'd'])
    second.published(['b', 'c', 'd'])
    await vi.waitFor(async () => expect((await link.status()).queued).toBe(0))
    await link.enqueue([downlink('a'), downlink('e')])
    await second.until(() => ids(second).includes('e'))
    expect(ids(second)).toEqual(['b', 'c', 'd', 'e'])
    expect(await link.status()).toEqual({
      connected: true,
      standby: 0,
      queued: 1,
      held: 0,
      generation: 2,
    })
  })

  it('is held by one bridge: the same process takes its own place, another stands by until it is needed', async () => {
    const { name, link } = newLink()
    const older = await connectBridge(name, {}, 'one')
    const newer = await connectBridge(name, {}, 'one')
    await isClosed(older)
    expect(older.closed).toEqual({ code: 4409, reason: 'superseded' })
    const second = await connectBridge(name, {}, 'two')
    const third = await connectBridge(name, {}, 'three')
    await link.enqueue([downlink('a')])
    await newer.until(() => newer.messages.length === 1)
    const welcome = (bridge: Bridge) => bridge.frames[0]?.data
    expect(welcome(newer)).toEqual({ link: name, generation: 2, active: true })
    for (const waits of [second, third])
      expect(welcome(waits)).toEqual({ link: name, generation: 2, active: false })
    expect(await link.status()).toMatchObject({ connected: true, standby: 2 })
    await evictDurableObject(link)
    newer.socket.close(1000, 'ended')
    await second.until(() => second.messages.length === 1)
    expect(second.frames[1]).toEqual({ type: 'activated', data: { generation: 3 } })
    expect([ids(second), ids(third), ids(older)]).toEqual([['a'], [], []])
    second.socket.close(1000, 'ended')
    await third.until(() => ids(third).length === 1)
    expect(third.frames[1]?.data).toEqual({ generation: 4 })
  })

  /** As if the bridges of a link had connected so long ago, and said nothing since. */
  const age = (link: ReturnType<typeof newLink>['link'], ms: number) =>
    runInDurableObject(link, (_, state) => {
      for (const ws of state.getWebSockets())
        ws.serializeAttachment({ ...ws.deserializeAttachment(), openedAt: Date.now() - ms })
    })

  it('is taken from a bridge that has said nothing for 15 s while another stands by', async () => {
    const { name, link } = newLink()
    const silent = await connectBridge(name)
    await age(link, 14_000)
    const heir = await connectBridge(name)
    await heir.until(() => heir.frames.length === 2)
    expect(heir.frames.map(({ type, data }) => [type, data.active])).toEqual([
      ['welcome', false],
      ['activated', undefined],
    ])
    await isClosed(silent)
    expect(silent.closed).toEqual({ code: 4409, reason: 'silent' })
  })

  it('stays with a bridge that pings', async () => {
    const { name, link } = newLink()
    const quiet = await connectBridge(name)
    quiet.send('ping')
    await quiet.until(() => quiet.pongs === 1)
    await age(link, 60_000)
    const waits = await connectBridge(name)
    await waits.until(() => waits.frames.length === 1)
    await runDurableObjectAlarm(link)
    expect(await link.status()).toMatchObject({ connected: true, standby: 1, generation: 1 })
  })

  it('goes to a newcomer at once when the bridge that has it was silent', async () => {
    const { name, link } = newLink()
    const silent = await connectBridge(name)
    await age(link, 16_000)
    await runDurableObjectAlarm(link)
    expect((await link.status()).connected).toBe(true)
    const newcomer = await connectBridge(name)
    await isClosed(silent)
    await newcomer.until(() => newcomer.frames.length === 1)
    expect(newcomer.frames[0]?.data).toEqual({ link: name, generation: 2, active: true })
  })

  it('believes only the bridge that has it: what one that stands by says about messages changes nothing', async () => {
    const { name, link } = newLink()
    const active = await connectBridge(name)
    const standby = await connectBridge(name)
    await link.enqueue([downlink('a'), downlink('b')])
    await active.until(() => active.messages.length === 2)
    standby.published(['a', 'b'])
    standby.send('ping')
    await standby.until(() => standby.pongs === 1)
    active.published(['a'])
    await vi.waitFor(async () => expect((await link.status()).queued).toBe(1))
    active.socket.close(1000, 'gone')
    await standby.until(() => standby.messages.length === 1)
    expect(ids(standby)).toEqual(['b'])
    standby.published(['b'])
    await vi.waitFor(async () => expect((await link.status()).queued).toBe(0))
  })

  it('forgets messages whose time is over: they are not sent, nor kept again', async () => {
    const { name, link } = newLink()
    const soon = { ...downlink('soon'), expiresAt: new Date(Date.now() + 300).toISOString() }
    const over = { ...downlink('over'), expiresAt: new Date(Date.now() - 1).toISOString() }
    const later = { ...downlink('later'), expiresAt: new Date(Date.now() + 60_000).toISOString() }
    await link.enqueue([soon, over, later, downlink('always')])
    expect((await link.status()).queued).toBe(3)
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(Date.parse(soon.expiresAt)))
    const bridge = await connectBridge(name)
    await bridge.until(() => ids(bridge).length === 2)
    expect(ids(bridge)).toEqual(['later', 'always'])
    expect((await link.status()).queued).toBe(2)
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
