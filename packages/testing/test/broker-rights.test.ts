import type { MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../src/wait-for.ts'
import { BrokerSystem, brokerKinds } from './broker-support.ts'

const missing = brokerKinds.includes('mosquitto') ? '' : ' (no mosquitto here: not tried)'

/** The code for each filter: below 128 it was granted. */
async function subscribe(client: MqttClient, ...filters: string[]): Promise<number[]> {
  return new Promise((resolve) => {
    client.subscribe(filters, { qos: 1 }, (_error, granted, packet) => {
      const codes = packet?.granted ?? granted?.map(({ qos }) => qos) ?? []
      resolve(codes.map(Number))
    })
  })
}

describe.each(brokerKinds)(`the rights of clients on %s${missing}`, { timeout: 30_000 }, (kind) => {
  let system: BrokerSystem
  beforeAll(async () => {
    system = await BrokerSystem.start(kind)
    for (const device of ['d1', 'd2', 'd-1', 'd']) await system.provision(device)
  }, 30_000)
  afterAll(() => system?.stop())

  const upTopics = [
    'presence',
    'telemetry/t',
    'events/e',
    'twin/reported',
    'twin/get',
    'commands/c1/ack',
    'commands/c1/progress',
    'commands/c1/result',
  ]
  const shadowTopics = ['get', 'update', 'delete'].map((name) => `$aws/things/d1/shadow/${name}`)

  // Where the broker asks, the edge decides about these: decide-access.test.ts. The edge of this test does not.
  const ownDownTopics =
    kind === 'mosquitto'
      ? ['v1/devices/d1/acks', 'v1/devices/d1/twin/delta', '$aws/things/d1/shadow/update/accepted']
      : []

  it('refuse who gives no name or a wrong password (S104)', async () => {
    await expect(system.connect('d1', { password: 'wrong' })).rejects.toThrow()
    await expect(system.connect('unknown', { password: 'any' })).rejects.toThrow()
    await expect(
      system.connect('', {
        clientId: 'anybody',
        username: undefined,
        password: undefined,
      } as never),
    ).rejects.toThrow()
  })

  it('let a device send on each of its up topics, and it arrives at the edge', async () => {
    const device = await system.connect('d1')
    for (const topic of upTopics) {
      await device.publishAsync(`v1/devices/d1/${topic}`, '{"from":"d1"}', { qos: 1 })
    }
    for (const topic of shadowTopics) await device.publishAsync(topic, '{}', { qos: 1 })
    const topics = () => system.edge.stored.map(({ topic }) => topic)
    const all = [...upTopics.map((topic) => `v1/devices/d1/${topic}`), ...shadowTopics]
    await waitFor(() => all.every((topic) => topics().includes(topic)), {
      what: 'all to be stored',
    })
    await device.endAsync()
  })

  it('let no message of a device pass on a foreign or a down topic (S105)', async () => {
    const before = system.edge.stored.length
    const listener = await system.connect('d2')
    const heard: string[] = []
    listener.on('message', (topic) => heard.push(topic))
    expect(await subscribe(listener, 'v1/devices/d2/#', '$aws/things/d2/shadow/#')).toEqual([1, 1])
    const shadow = ['get', 'update', 'delete', 'update/accepted', 'update/delta', 'get/rejected']
    for (const topic of [
      'v1/devices/d2/telemetry/t',
      'v1/devices/d2/acks',
      'v1/devices/d2/twin/delta',
      ...shadow.map((name) => `$aws/things/d2/shadow/${name}`),
      '$SYS/broker/uptime',
      '$CONTROL/dynamic-security/v1',
      ...ownDownTopics,
    ]) {
      const device = await system.connect('d1', { clientId: 'd1-foreign' })
      // MQTT 5 says no; MQTT 3.1.1 can only end the connection or stay silent.
      const outcome = device.publishAsync(topic, '{"forged":true}', { qos: 1 }).then(
        () => 'accepted',
        () => 'refused',
      )
      const closed = new Promise((resolve) => device.once('close', () => resolve('closed')))
      expect(await Promise.race([outcome, closed])).not.toBe('accepted')
      device.end(true)
    }
    // What comes after it shows that nothing of it was on its way.
    await listener.publishAsync('v1/devices/d2/events/last', '{}', { qos: 1 })
    await waitFor(() => heard.includes('v1/devices/d2/events/last'), { what: 'the last to arrive' })
    await waitFor(() => system.edge.stored.length === before + 1, { what: 'the last to be stored' })
    expect(heard).toEqual(['v1/devices/d2/events/last'])
    await listener.endAsync()
  })

  it('grant subscriptions in the own tree only, and no shared ones (S106)', async () => {
    const device = await system.connect('d1', { clientId: 'd1-subscriber' })
    const granted = await subscribe(
      device,
      'v1/devices/d1/#',
      'v1/devices/d1/acks',
      'v1/devices/d1/twin/+',
      '$aws/things/d1/shadow/update/accepted',
    )
    expect(granted).toEqual([1, 1, 1, 1])
    const foreign = [
      '#',
      '+/devices/d1/acks',
      'v1/devices/#',
      'v1/devices/+/acks',
      'v1/devices/d2/acks',
      '$SYS/#',
      '$share/bridge/v1/devices/+/telemetry/+',
      '$share/x/#',
      '$share/x/v1/devices/d1/acks',
      '$aws/things/d2/shadow/#',
      '$aws/things/+/shadow/update',
      '$aws/#',
      '$CONTROL/#',
    ]
    for (const filter of foreign) {
      const codes = await subscribe(device, filter)
      expect([filter, codes.every((code) => code >= 128)]).toEqual([filter, true])
    }
    await device.endAsync()
  })

  it("keep a device's client ids for itself and leave any other free (S108)", async () => {
    const victim = await system.connect('d1', { clientId: 'd1-victim' })
    let lost = false
    victim.on('close', () => {
      lost = true
    })
    await expect(system.connect('d2', { clientId: 'd1-victim' })).rejects.toThrow()
    await expect(system.connect('d2', { clientId: 'd1' })).rejects.toThrow()
    await expect(system.connect('d2', { clientId: 'menagerie-bridge' })).rejects.toThrow()
    await expect(system.connect('d2', { clientId: 'menagerie.bridge' })).rejects.toThrow()
    const own = await system.connect('d2', { clientId: 'd2-second' })
    const free = await system.connect('d2', { clientId: 'mosq-123' })
    expect([own.connected, free.connected, victim.connected, lost]).toEqual([
      true,
      true,
      true,
      false,
    ])
    await Promise.all([victim, own, free].map((client) => client.endAsync()))
  })

  it('refuse QoS 2, which nothing behind the broker keeps (S110)', async () => {
    const device = await system.connect('d1', { clientId: 'd1-two' })
    const before = system.edge.stored.length
    const outcome = device.publishAsync('v1/devices/d1/events/e', '{}', { qos: 2 }).then(
      () => 'accepted',
      () => 'refused',
    )
    const closed = new Promise((resolve) => device.once('close', () => resolve('closed')))
    expect(await Promise.race([outcome, closed])).not.toBe('accepted')
    expect(system.edge.stored.length).toBe(before)
    device.end(true)
  })

  it('cut off who sends a packet that is too large; the rest goes on (S110)', async () => {
    const device = await system.connect('d1', { clientId: 'd1-large' })
    const closed = new Promise((resolve) => device.once('close', () => resolve('closed')))
    const outcome = device
      .publishAsync('v1/devices/d1/events/large', 'x'.repeat(400_000), { qos: 1 })
      .then(
        () => 'accepted',
        () => 'refused',
      )
    expect(await Promise.race([outcome, closed])).not.toBe('accepted')
    device.end(true)
    expect(system.edge.stored.some(({ topic }) => topic.endsWith('/events/large'))).toBe(false)
    await system.ready()
  })

  it('do not let the bridge speak for a device (S114)', async () => {
    const { username, password } = system.broker.bridge
    for (const topic of [...upTopics.map((one) => `v1/devices/d1/${one}`), ...shadowTopics]) {
      const impostor = await system.connect(username, { password, clientId: 'menagerie-bridge-x' })
      const outcome = impostor.publishAsync(topic, '{}', { qos: 1 }).then(
        () => 'accepted',
        () => 'refused',
      )
      const closed = new Promise((resolve) => impostor.once('close', () => resolve('closed')))
      expect([topic, await Promise.race([outcome, closed])]).not.toEqual([topic, 'accepted'])
      impostor.end(true)
    }
  })

  it('carry an acknowledgement of the edge to the device', async () => {
    const device = await system.connect('d2', { clientId: 'd2-acks' })
    const heard: string[] = []
    device.on('message', (topic, payload) => heard.push(`${topic} ${payload}`))
    await subscribe(device, 'v1/devices/d2/acks')
    await device.publishAsync('v1/devices/d2/telemetry/t', '{"seq":1,"values":{}}', { qos: 1 })
    await waitFor(() => heard.length > 0, { what: 'the acknowledgement' })
    expect(heard[0]).toBe('v1/devices/d2/acks {"epoch":1,"ackedThrough":1}')
    await device.endAsync()
  })
})

describe.runIf(brokerKinds.includes('mosquitto'))(
  'mosquitto as packages/operations sets it up, without the gate for client ids',
  { timeout: 30_000 },
  () => {
    let system: BrokerSystem
    beforeAll(async () => {
      system = await BrokerSystem.start('mosquitto', { use_username_as_clientid: 'true' })
    }, 30_000)
    afterAll(() => system?.stop())

    it("gives every client its user name's client id, so that nobody is pushed out by another (S108)", async () => {
      await system.provision('v')
      await system.provision('w')
      const victim = await system.connect('v')
      let lost = false
      victim.on('close', () => {
        lost = true
      })
      // Past the gate, which refuses what the broker itself must bear here: names that nobody owns.
      const others = await Promise.all([
        system.connect('w', { clientId: 'anything' }),
        system.connect('v', { clientId: 'v-2' }).catch(() => undefined),
      ])
      // The second connection of a device takes the place of its first: the price.
      await waitFor(() => lost, { what: 'the first connection of the same device to end' })
      expect(others[0].connected).toBe(true)
      await system.ready()
    })
  },
)
