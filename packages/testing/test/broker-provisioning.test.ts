import mqtt from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../src/wait-for.ts'
import { BrokerSystem, brokerKinds } from './broker-support.ts'

const CONTROL = '$CONTROL/dynamic-security/v1'

describe.runIf(brokerKinds.includes('mosquitto'))(
  'credentials that the edge tells mosquitto',
  () => {
    let system: BrokerSystem
    /** As an operator does with `mosquitto_ctrl dynsec`. @returns the answer to the last command */
    const asOperator = async (...commands: ({ command: string } & Record<string, unknown>)[]) => {
      const { bridgeUrl, admin } = system.broker
      const client = await mqtt.connectAsync(bridgeUrl, { ...admin, protocolVersion: 5 })
      await client.subscribeAsync(`${CONTROL}/response`, { qos: 1 })
      const answer = new Promise<string>((resolve) => {
        client.once('message', (_topic, payload) => resolve(payload.toString()))
      })
      await client.publishAsync(CONTROL, JSON.stringify({ commands }), { qos: 1 })
      const { responses } = JSON.parse(await answer)
      await client.endAsync()
      return responses.at(-1)
    }
    beforeAll(async () => {
      system = await BrokerSystem.start('mosquitto')
    }, 30_000)
    afterAll(() => system?.stop())

    it('replace older ones: who is connected with those is cut off (S112)', {
      timeout: 20_000,
    }, async () => {
      await system.provision('d1')
      const old = await system.connect('d1')
      await system.provision('d1', 'another')
      await waitFor(() => !old.connected, { what: 'the old connection to end' })
      await expect(system.connect('d1')).rejects.toThrow()
      const fresh = await system.connect('d1', { password: 'another' })
      expect(fresh.connected).toBe(true)
      await fresh.endAsync()
    })

    it('end with the device: it is cut off and stays out (S112)', { timeout: 20_000 }, async () => {
      await system.provision('d3')
      const device = await system.connect('d3')
      await system.provision('d3', null)
      await waitFor(() => !device.connected, { what: 'the connection to end' })
      await expect(system.connect('d3')).rejects.toThrow()
      // Once more is no error: what is wanted stands already.
      await system.provision('d3', null)
    })

    it('survive a kill of the broker', { timeout: 20_000 }, async () => {
      await system.provision('d4')
      await system.broker.kill()
      await system.broker.start()
      const device = await system.connect('d4')
      expect(device.connected).toBe(true)
      await device.endAsync()
      // The session was younger than what a killed broker keeps: nothing is heard until it is there again.
      await system.ready()
    })

    it.each<[string, string, { command: string } & Record<string, unknown>]>([
      ['disabled', 'e1', { command: 'disableClient', username: 'e1' }],
      ['without rights', 'e3', { command: 'modifyRole', rolename: 'device-e3', acls: [] }],
      ['gone', 'e4', { command: 'deleteClient', username: 'e4' }],
      ['in no role', 'e5', { command: 'removeClientRole', username: 'e5', rolename: 'device-e5' }],
    ])('bring a device that is %s to the wanted state', async (_what, id, harm) => {
      await system.provision(id, 'older')
      expect(await asOperator(harm)).not.toHaveProperty('error')
      await system.provision(id)
      const device = await system.connect(id)
      await device.publishAsync(`v1/devices/${id}/events/e`, '{}', { qos: 1 })
      const topics = () => system.edge.stored.map(({ topic }) => topic)
      await waitFor(() => topics().includes(`v1/devices/${id}/events/e`), { what: 'its event' })
      await expect(system.connect(id, { password: 'older' })).rejects.toThrow()
      await device.endAsync()
    })

    it("neither take over nor delete a client that is not a device's, whoever registers its name", async () => {
      await asOperator(
        { command: 'createRole', rolename: 'monitor', acls: [] },
        {
          command: 'createClient',
          username: 'watcher',
          password: 'kept',
          roles: [{ rolename: 'monitor' }],
        },
      )
      const watcher = { deviceId: 'watcher', username: 'watcher' }
      expect(await system.tell({ ...watcher, password: 'taken' })).toEqual({
        ok: false,
        detail: 'This name belongs to somebody else at the broker',
      })
      // It has no access as a device, which is what is wanted.
      expect(await system.tell({ ...watcher, password: null })).toEqual({ ok: true })
      const { data } = await asOperator({ command: 'getClient', username: 'watcher' })
      expect(data.client.roles).toEqual([expect.objectContaining({ rolename: 'monitor' })])
      const operator = await system.connect('watcher', { password: 'kept' })
      expect(operator.connected).toBe(true)
      await operator.endAsync()
    })

    it("touch no user name but the device's own", async () => {
      for (const username of ['other', 'd9~3', '#', 'd9/x'])
        expect(await system.tell({ deviceId: 'd9', username, password: 'p' })).toEqual({
          ok: false,
          detail: 'This name is not of the device',
        })
    })
  },
)
