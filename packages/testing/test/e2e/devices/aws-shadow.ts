import type { Session } from '@menagerie/client'
import { devices } from '@menagerie/contracts/routes'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { findMosquitto } from '../../../src/broker/index.ts'
import { type System, waitFor } from '../../../src/index.ts'
import { deviceSystem } from '../support/device-system.ts'
import { ownDevice } from '../support/own-device.ts'
import { atLeastOnce, ShadowDevice } from '../support/shadow-client.ts'

/** Nothing else here speaks MQTT 5. */
const installed = findMosquitto() !== undefined

describe.runIf(installed)("AWS's IotShadowClient, unmodified, at a plain Mosquitto", () => {
  let system: System
  let owner: Session
  const open = new Set<ShadowDevice>()

  beforeAll(async () => {
    ;({ system, owner } = await deviceSystem())
  }, 120_000)
  afterEach(async () => {
    for (const device of open) await device.stop()
    open.clear()
  })

  const connect = async (thingName: string) => {
    const login = await ownDevice(system, owner, thingName)
    const device = await ShadowDevice.connect(login)
    open.add(device)
    return { device, login, ...device }
  }
  const first = <T>(list: readonly T[], what: string) => waitFor(() => list[0], { what })
  const desire = (id: string, desired: Record<string, unknown>) =>
    owner.client.call(devices.patchTwin, { params: { id }, body: { desired } })

  it('is told 404 where there is no shadow, and makes one by its first update', async () => {
    const thingName = 'aws-first'
    const { client, log } = await connect(thingName)
    await client.publishGetShadow({ thingName, clientToken: 'g1' }, atLeastOnce)
    expect(await first(log.getRejected, 'the rejection')).toMatchObject({
      code: 404,
      message: `No shadow exists with name: '${thingName}'`,
      clientToken: 'g1',
    })
    const reported = { fan: 'off', filter: { hours: 12 } }
    await client.publishUpdateShadow(
      { thingName, state: { reported }, clientToken: 'u1' },
      atLeastOnce,
    )
    const accepted = await first(log.updated, 'the acceptance')
    expect(accepted).toMatchObject({ state: { reported }, version: 1, clientToken: 'u1' })
    expect(accepted.state).not.toHaveProperty('desired')
    // Seconds, as AWS sends them; the client hands them on as they are, whatever its types say.
    expect(Math.abs(Number(accepted.timestamp) - Date.now() / 1000)).toBeLessThan(60)
    await client.publishGetShadow({ thingName, clientToken: 'g2' }, atLeastOnce)
    expect(await first(log.got, 'the document')).toMatchObject({
      state: { reported },
      version: 1,
      metadata: { reported: { fan: { timestamp: expect.any(Number) } } },
      clientToken: 'g2',
    })
    expect(log.errors).toEqual([])
  })

  it('gets the delta of a change over HTTP, reports it, and the twin is settled', async () => {
    const thingName = 'aws-delta'
    const { client, log } = await connect(thingName)
    await client.publishUpdateShadow(
      { thingName, state: { reported: { fan: 'off' } } },
      atLeastOnce,
    )
    await first(log.updated, 'the acceptance')
    await desire(thingName, { fan: 'on' })
    expect(await first(log.deltas, 'the delta')).toMatchObject({
      state: { fan: 'on' },
      version: 2,
      metadata: { fan: { timestamp: expect.any(Number) } },
    })
    await client.publishUpdateShadow(
      { thingName, state: { reported: { fan: 'on' } }, version: 2 },
      atLeastOnce,
    )
    await waitFor(() => log.updated[1], { what: 'the report to be accepted' })
    const { data } = await owner.client.call(devices.twin, { params: { id: thingName } })
    expect(data).toMatchObject({ delta: {}, reported: { fan: 'on' }, version: 3 })
    const last = await waitFor(() => log.documents.find(({ current }) => current?.version === 3), {
      what: 'the document of the last change',
    })
    expect(last).toMatchObject({
      previous: { version: 2, state: { reported: { fan: 'off' }, desired: { fan: 'on' } } },
      current: { version: 3, state: { reported: { fan: 'on' }, desired: { fan: 'on' } } },
    })
    expect(log.errors).toEqual([])
  })

  it('is told 409 for an update from an older version, and nothing changes', async () => {
    const thingName = 'aws-conflict'
    const { client, log } = await connect(thingName)
    await client.publishUpdateShadow({ thingName, state: { reported: { n: 1 } } }, atLeastOnce)
    await first(log.updated, 'the acceptance')
    await desire(thingName, { n: 5 })
    await client.publishUpdateShadow(
      { thingName, state: { reported: { n: 2 } }, version: 1, clientToken: 'old' },
      atLeastOnce,
    )
    expect(await first(log.updateRejected, 'the rejection')).toMatchObject({
      code: 409,
      message: 'Version conflict',
      clientToken: 'old',
    })
    const { data } = await owner.client.call(devices.twin, { params: { id: thingName } })
    expect(data).toMatchObject({ reported: { n: 1 }, version: 2 })
    expect(log.errors).toEqual([])
  })

  it('gets the delta that it missed, from the session that the broker kept', async () => {
    const thingName = 'aws-missed'
    const { device, login, client, log } = await connect(thingName)
    await client.publishUpdateShadow(
      { thingName, state: { reported: { fan: 'off' } } },
      atLeastOnce,
    )
    await first(log.updated, 'the acceptance')
    await device.stop()
    open.delete(device)
    await desire(thingName, { fan: 'slow' })
    await desire(thingName, { fan: 'fast' })
    const again = await ShadowDevice.connect(login)
    open.add(again)
    const delta = await waitFor(() => again.log.deltas.find(({ version }) => version === 3), {
      what: 'the missed delta',
    })
    expect(delta).toMatchObject({ state: { fan: 'fast' } })
    // What a careful device does besides: it asks.
    await again.client.publishGetShadow({ thingName }, atLeastOnce)
    expect(await first(again.log.got, 'the document')).toMatchObject({
      state: { delta: { fan: 'fast' } },
      version: 3,
    })
  })

  it('deletes the shadow, which then is no more; the version goes on', async () => {
    const thingName = 'aws-delete'
    const { client, log } = await connect(thingName)
    await client.publishUpdateShadow({ thingName, state: { reported: { n: 1 } } }, atLeastOnce)
    await first(log.updated, 'the acceptance')
    await client.publishDeleteShadow({ thingName, clientToken: 'd1' }, atLeastOnce)
    expect(await first(log.deleted, 'the acceptance')).toMatchObject({ clientToken: 'd1' })
    await client.publishGetShadow({ thingName }, atLeastOnce)
    expect(await first(log.getRejected, 'the rejection')).toMatchObject({ code: 404 })
    await client.publishUpdateShadow({ thingName, state: { reported: { n: 2 } } }, atLeastOnce)
    const { version = 0 } = await waitFor(() => log.updated[1], { what: 'the new shadow' })
    expect(version).toBeGreaterThan(1)
  })
})
