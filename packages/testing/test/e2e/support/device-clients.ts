import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { findProgram, type MqttLogin, startMqttProgram } from '../../../src/mqtt-programs.ts'

/** What a device does to a broker, by whichever client there is. */
export interface DeviceClients {
  /** One connection, one message with QoS 1. */
  publish(topic: string, payload: string): Promise<void>
  /** A subscription in a persistent session: it stands when this returns. */
  subscribe(name: string, topic: string): Promise<{ payloads(): string[]; end(): Promise<void> }>
  /** A connection with a last will that says `online` and stays. `lose` ends it as a loss of power would. */
  goOnline(session: string): Promise<{ lose(): Promise<void> }>
  /** Ends what a test that failed has left open. */
  stop(): Promise<void>
}

/** Mosquitto's own programs where they are installed: nobody can say then that our client suits our broker. */
export const hasPrograms = findProgram('mosquitto_pub') !== undefined

export const deviceClients = (login: MqttLogin, deviceId: string): DeviceClients =>
  hasPrograms ? byPrograms(login, deviceId) : byLibrary(login, deviceId)

const will = (deviceId: string, session: string) => ({
  topic: `v1/devices/${deviceId}/presence`,
  payload: JSON.stringify({ state: 'offline', session }),
})
const online = (session: string) => JSON.stringify({ state: 'online', session })

function byPrograms(login: MqttLogin, deviceId: string): DeviceClients {
  const open = new Set<{ kill(): Promise<void> }>()
  let connections = 0
  return {
    async publish(topic, payload) {
      const id = `${deviceId}-pub-${++connections}`
      const program = startMqttProgram('mosquitto_pub', login, [
        ...['-i', id, '-q', '1', '-t', topic, '-m', payload],
      ])
      const code = await program.ended
      if (code !== 0) throw new Error(`mosquitto_pub ended with ${code}: ${program.output()}`)
    },
    async subscribe(name, topic) {
      const args = [
        ...['-i', `${deviceId}-${name}`, '-c', '-q', '1', '-t', topic],
        ...(login.protocolVersion === 5 ? ['-x', '3600'] : []),
      ]
      // `-E` ends once it is subscribed; what comes in between waits in the session.
      const subscribed = startMqttProgram('mosquitto_sub', login, [...args, '-E'])
      if ((await subscribed.ended) !== 0) throw new Error(`mosquitto_sub: ${subscribed.output()}`)
      const program = startMqttProgram('mosquitto_sub', login, args)
      open.add(program)
      return { payloads: program.lines, end: program.kill }
    },
    async goOnline(session) {
      const last = will(deviceId, session)
      const program = startMqttProgram('mosquitto_pub', login, [
        ...['-i', deviceId, '-q', '1', '-t', last.topic, '-l', '-r'],
        ...['--will-topic', last.topic, '--will-payload', last.payload],
        ...['--will-retain', '--will-qos', '1'],
      ])
      open.add(program)
      program.write(`${online(session)}\n`)
      return { lose: program.kill }
    },
    stop: async () => {
      await Promise.all([...open].map((program) => program.kill()))
    },
  }
}

function byLibrary(login: MqttLogin, deviceId: string): DeviceClients {
  const open = new Set<MqttClient>()
  let connections = 0
  const connect = async (clientId: string, more: IClientOptions = {}): Promise<MqttClient> => {
    const client = await mqtt.connectAsync(login.url, {
      protocolVersion: login.protocolVersion,
      username: login.username,
      password: login.password,
      clientId,
      ...more,
    })
    open.add(client)
    return client
  }
  return {
    async publish(topic, payload) {
      const client = await connect(`${deviceId}-pub-${++connections}`)
      await client.publishAsync(topic, payload, { qos: 1 })
      await client.endAsync()
    },
    async subscribe(name, topic) {
      const client = await connect(`${deviceId}-${name}`, { clean: false })
      const payloads: string[] = []
      client.on('message', (_, payload) => payloads.push(payload.toString()))
      await client.subscribeAsync(topic, { qos: 1 })
      return { payloads: () => payloads, end: () => client.endAsync() }
    },
    async goOnline(session) {
      const last = will(deviceId, session)
      const client = await connect(deviceId, {
        reconnectPeriod: 0,
        will: { ...last, payload: Buffer.from(last.payload), qos: 1, retain: true },
      })
      await client.publishAsync(last.topic, online(session), { qos: 1, retain: true })
      return {
        lose: async () => {
          client.stream.destroy()
        },
      }
    },
    stop: async () => {
      await Promise.all([...open].map((client) => client.endAsync(true)))
    },
  }
}
