import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { describe, expect, it, vi } from 'vitest'
import { verifyChain } from '../../src/journal/index.ts'
import type { JournalRoom } from '../worker/journal-room.ts'
import { openRoom, principal, replay, unopenedRoom, upgradeRequest } from './client.ts'

describe('an object that was not created', () => {
  it('answers not_found and writes nothing', async () => {
    const room = unopenedRoom()
    const missing = { ok: false, error: { code: 'not_found' } }
    expect(await room.say([{ word: 'hello' }])).toEqual(missing)
    expect(await replay(room, 0, 10)).toEqual(missing)
    expect(await room.proof(1, 2)).toEqual(missing)
    expect(await room.head()).toBeUndefined()
    expect(await room.ownName()).toBe('')
    expect((await room.fetch(upgradeRequest('', 'menagerie.v1, ticket.x'))).status).toBe(404)
    await runInDurableObject<JournalRoom, void>(room, (object) =>
      expect(object.ticket(principal())).rejects.toThrow('created'),
    )
    const tables = await runInDurableObject(room, (_, state) =>
      state.storage.sql
        .exec(`SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'`)
        .toArray(),
    )
    expect(tables).toEqual([])
  })
})

describe('an object', () => {
  it('keeps name, state and history when it leaves memory', async () => {
    const room = await openRoom(3)
    const name = await room.ownName()
    await evictDurableObject(room)
    expect(await room.ownName()).toBe(name)
    expect(await room.say([{ word: 'four' }])).toMatchObject({ ok: true, value: { outcome: 4 } })
  })

  it('acts once on one key, and refuses the key with another body', async () => {
    const room = await openRoom()
    const first = await room.say([{ word: 'a' }, { word: 'b' }], 'key')
    expect(first).toMatchObject({ value: { replayed: false, firstSeq: 1, lastSeq: 2 } })
    await evictDurableObject(room)
    expect(await room.say([{ word: 'a' }, { word: 'b' }], 'key')).toMatchObject({
      value: { outcome: 2, replayed: true, firstSeq: 1, lastSeq: 2 },
    })
    expect(await room.say([{ word: 'c' }], 'key')).toEqual({
      ok: false,
      error: { code: 'idempotency_mismatch' },
    })
  })

  it('refuses an event above 64 KiB and writes nothing of its input', async () => {
    const room = await openRoom()
    const said = await room.say([{ word: 'small' }, { word: 'x'.repeat(66_000) }], 'key')
    expect(said).toMatchObject({ ok: false, error: { code: 'payload_too_large' } })
    expect((await room.head())?.seq).toBe(0)
    expect(await room.say([{ word: 'small' }], 'key')).toMatchObject({ ok: true })
  })

  it('proves its history, also after erasing a person', async () => {
    const room = await openRoom(4)
    expect(await room.erase('word-2')).toBe(1)
    const proof = await room.proof(1, 4)
    const page = await replay(room, 0, 10)
    if (!proof.ok || !page.ok) throw new Error('the room exists')
    expect(page.value.events[1]?.data).toBeNull()
    expect(verifyChain(proof.value, page.value.events)).toEqual({
      ok: true,
      value: { erased: [2] },
    })
  })
})

describe('the one alarm', () => {
  it('fires timers, and finds them again when the object has left memory', async () => {
    const room = await openRoom()
    await room.ring(3_600_000)
    await evictDurableObject(room)
    expect(await runDurableObjectAlarm(room)).toBe(true)
    expect((await room.head())?.seq).toBe(0)
    await room.outside({ advanceMs: 3_600_000 })
    await runDurableObjectAlarm(room)
    expect((await room.head())?.seq).toBe(1)
    await runDurableObjectAlarm(room)
    expect((await room.head())?.seq).toBe(1)
  })

  it('fires a timer by itself', async () => {
    const room = await openRoom()
    await room.ring(20)
    await vi.waitFor(async () => expect((await room.head())?.seq).toBe(1), { timeout: 5_000 })
  })

  it('drains the outbox at once, waits out a queue that is down, and sends again after a restart', async () => {
    const room = await openRoom()
    const id = `rooms/${await room.ownName()}:1`
    const arrivals = async () =>
      (await room.outside({})).delivered.filter((delivered) => delivered === id).length
    await room.outside({ queueDown: true })
    await room.tell('hello')
    await room.outside({ queueDown: false })
    await vi.waitFor(async () => expect(await arrivals()).toBe(1), { timeout: 8_000 })
    await evictDurableObject(room)
    await room.head()
    await runDurableObjectAlarm(room)
    expect(await arrivals()).toBe(1)
    await room.outside({ bootId: 'boot-2' })
    await evictDurableObject(room)
    await room.head()
    await vi.waitFor(async () => expect(await arrivals()).toBe(2), { timeout: 8_000 })
  })
})
