import { randomUUID } from 'node:crypto'
import { waitFor } from '@menagerie/testing'
import type { startBroker } from '@menagerie/testing/local'
import mqtt, { type MqttClient } from 'mqtt'

type Broker = Awaited<ReturnType<typeof startBroker>>

const CONTROL = '$CONTROL/dynamic-security/v1'
const USERNAME = 'bench-any-device'

/**
 * A client that may speak for every device and hear what each is told: a thousand connections would be what is measured.
 * Only Mosquitto's administrator can make one.
 */
export async function connectAsAnyDevice(broker: Broker): Promise<MqttClient> {
  const { admin } = broker
  if (admin === undefined) throw new Error('this broker asks the edge who may what')
  const password = randomUUID()
  const control = await mqtt.connectAsync(broker.bridgeUrl, {
    ...admin,
    protocolVersion: broker.protocolVersion,
  })
  let answered = false
  control.on('message', () => {
    answered = true
  })
  await control.subscribeAsync(`${CONTROL}/response`, { qos: 1 })
  const allow = (acltype: string, topic: string) => ({ acltype, topic, allow: true })
  const commands = [
    {
      command: 'createRole',
      rolename: USERNAME,
      acls: [
        allow('publishClientSend', 'v1/devices/+/telemetry/+'),
        allow('subscribePattern', 'v1/devices/+/acks'),
        allow('publishClientReceive', 'v1/devices/+/acks'),
      ],
    },
    { command: 'createClient', username: USERNAME, password, roles: [{ rolename: USERNAME }] },
  ]
  await control.publishAsync(CONTROL, JSON.stringify({ commands }), { qos: 1 })
  await waitFor(() => answered, { what: 'the broker to know the client', intervalMs: 5 })
  await control.endAsync()
  return mqtt.connectAsync(broker.bridgeUrl, {
    protocolVersion: broker.protocolVersion,
    clientId: USERNAME,
    username: USERNAME,
    password,
  })
}
