import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import type { BridgeLinkApi } from '../../src/bridge-link/index.ts'
import {
  climate,
  makeTwin,
  message,
  migrate,
  principal,
  type Twin,
  unmadeTwin,
  value,
} from './support.ts'

beforeAll(migrate)

let links = 0
const newLink = () =>
  env.BRIDGE_LINK.getByName(`holding-${links++}`) as unknown as DurableObjectStub & BridgeLinkApi

/** Its storage is of no use until that is mended. */
const breakTwin = (twin: Twin) =>
  runInDurableObject(twin, (_, { storage }) => {
    storage.sql.exec('ALTER TABLE samples RENAME TO broken')
  })
const mendTwin = async (twin: Twin) => {
  await runInDurableObject(twin, (_, { storage }) => {
    storage.sql.exec('ALTER TABLE broken RENAME TO samples')
  })
  await evictDurableObject(twin)
}

const sample = (id: string, seq: number) => message(id, climate, { seq, values: { c: seq } })
const stored = async (twin: Twin) => {
  const { series = [] } = await value(
    twin.telemetry(principal(), { stream: 'climate', resolution: 'raw', limit: 100 } as never),
  )
  return series.map((one) => ('seq' in one ? one.seq : undefined))
}

describe('messages of a device whose twin does not take them', () => {
  it('are kept in order, over memory, and brought to it when it takes them again', async () => {
    const { id, twin } = await makeTwin()
    const link = newLink()
    await value(twin.take('default', [sample(id, 1)]))
    await breakTwin(twin)
    await expect(Promise.resolve(twin.take('default', [sample(id, 2)]))).rejects.toThrow(/samples/)
    expect(await link.hold(id, [sample(id, 2), sample(id, 3)])).toEqual({
      ok: true,
      value: { isTaken: false },
    })
    await evictDurableObject(link)
    expect(await value(link.hold(id, [sample(id, 4)]))).toEqual({ isTaken: false })
    expect((await link.status()).held).toBe(3)
    await mendTwin(twin)
    expect(await value(link.hold(id, [sample(id, 5)]))).toEqual({
      isTaken: true,
      ack: { deviceId: id, epoch: 0, ackedThrough: 5 },
    })
    expect((await link.status()).held).toBe(0)
    expect((await stored(twin)).toSorted()).toEqual([1, 2, 3, 4, 5])
  })

  it('are brought to it by themselves, also where it sends nothing more', async () => {
    const { id, twin } = await makeTwin()
    const other = await makeTwin()
    const link = newLink()
    for (const one of [id, other.id])
      await breakTwin(one === id ? twin : other.twin).then(() => link.hold(one, [sample(one, 1)]))
    await mendTwin(twin)
    // As if it were later: what the object remembers of its next try is gone.
    await evictDurableObject(link)
    await runDurableObjectAlarm(link)
    await vi.waitFor(async () => expect((await link.status()).held).toBe(1))
    expect(await stored(twin)).toEqual([1])
    await mendTwin(other.twin)
    await evictDurableObject(link)
    await runDurableObjectAlarm(link)
    await vi.waitFor(async () => expect((await link.status()).held).toBe(0))
  })

  it('of no such device are not kept', async () => {
    const { id } = unmadeTwin()
    const link = newLink()
    expect(await link.hold(id, [sample(id, 1)])).toEqual({
      ok: false,
      error: { code: 'not_found' },
    })
    expect((await link.status()).held).toBe(0)
  })
})
