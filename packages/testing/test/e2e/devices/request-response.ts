import type { Session } from '@menagerie/client'
import { type Command, finalCommandStates } from '@menagerie/contracts'
import { deviceCommands, devices } from '@menagerie/contracts/routes'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { findMosquitto } from '../../../src/broker/index.ts'
import { type System, waitFor } from '../../../src/index.ts'
import {
  findProgram,
  type MqttLogin,
  type MqttProgram,
  startMqttProgram,
} from '../../../src/mqtt-programs.ts'
import { deviceSystem } from '../support/device-system.ts'
import { ownDevice } from '../support/own-device.ts'

const installed = findMosquitto() !== undefined && findProgram('mosquitto_sub') !== undefined

describe.runIf(installed)("MQTT 5 request and response with Mosquitto's own programs", () => {
  let system: System
  let owner: Session
  const open = new Set<MqttProgram>()

  beforeAll(async () => {
    ;({ system, owner } = await deviceSystem())
  }, 120_000)
  afterEach(async () => {
    for (const program of open) await program.kill()
    open.clear()
  })

  const publish = async (login: MqttLogin, topic: string, payload: string, ...more: string[]) => {
    const program = startMqttProgram('mosquitto_pub', login, [
      ...['-i', `${login.username}-pub`, '-q', '1', '-t', topic, '-m', payload, ...more],
    ])
    expect([await program.ended, program.output()]).toEqual([0, ''])
  }
  /** Subscribed in a session that the broker keeps: whatever comes after this is not missed. */
  const listen = async (login: MqttLogin, topic: string, format: string) => {
    const args = ['-i', `${login.username}-sub`, '-c', '-x', '3600', '-q', '1', '-t', topic]
    const subscribed = startMqttProgram('mosquitto_sub', login, [...args, '-E'])
    expect([await subscribed.ended, subscribed.output()]).toEqual([0, ''])
    const program = startMqttProgram('mosquitto_sub', login, [...args, '-F', format])
    open.add(program)
    return program
  }
  const send = async (id: string, body: { name: string; payload?: Record<string, unknown> }) =>
    (await owner.client.call(deviceCommands.send, { params: { id }, body })).data
  const whenFinal = ({ deviceId, id }: Pick<Command, 'deviceId' | 'id'>) =>
    waitFor(
      async () => {
        const params = { id: deviceId, commandId: id }
        const { data } = await owner.client.call(deviceCommands.get, { params })
        return finalCommandStates.has(data.state) && data
      },
      { what: 'the command to end' },
    )

  it('a command carries response topic and correlation data, and an answer there ends it', async () => {
    const id = 'responder'
    const login = await ownDevice(system, owner, id)
    const commands = await listen(login, `v1/devices/${id}/commands/+`, '%t|%R|%D|%E|%p')
    const command = await send(id, { name: 'blink', payload: { times: 3 } })
    const line = await waitFor(() => commands.lines()[0], { what: 'the command' })
    const [topic, responseTopic = '', correlation = '', expiry, payload = ''] = line.split('|')
    expect(topic).toBe(`v1/devices/${id}/commands/${command.id}`)
    expect(responseTopic).toBe(`${topic}/result`)
    expect(correlation).toBe(command.id)
    expect(Number(expiry)).toBeGreaterThan(0)
    expect(JSON.parse(payload)).toEqual({
      name: 'blink',
      payload: { times: 3 },
      expiresAt: expect.stringMatching(/Z$/),
    })
    await publish(
      login,
      responseTopic,
      '{"status":"succeeded","result":{"blinked":3}}',
      ...['-D', 'publish', 'correlation-data', correlation],
    )
    expect(await whenFinal(command)).toMatchObject({
      state: 'SUCCESSFUL',
      result: { blinked: 3 },
      attempts: 1,
    })
  })

  it('a device that refuses a command ends it as FAILED', async () => {
    const id = 'refuser'
    const login = await ownDevice(system, owner, id)
    const commands = await listen(login, `v1/devices/${id}/commands/+`, '%t')
    const command = await send(id, { name: 'fly' })
    const topic = await waitFor(() => commands.lines()[0], { what: 'the command' })
    await publish(login, `${topic}/ack`, '{"status":"rejected","error":"foxes do not fly"}')
    expect(await whenFinal(command)).toMatchObject({
      state: 'FAILED',
      error: { message: 'foxes do not fly' },
    })
  })

  it('a command waits for a device that sleeps and is sent when it is online', async () => {
    const id = 'sleeper'
    const login = await ownDevice(system, owner, id)
    const presence = (state: string) =>
      publish(login, `v1/devices/${id}/presence`, JSON.stringify({ state, session: 's1' }), '-r')
    const commands = await listen(login, `v1/devices/${id}/commands/+`, '%t|%p')
    await presence('online')
    await presence('offline')
    await waitFor(
      async () => {
        const { data } = await owner.client.call(devices.presence, { params: { id } })
        return data.state === 'offline'
      },
      { what: 'the device to be offline' },
    )
    const command = await send(id, { name: 'later' })
    expect(command.state).toBe('QUEUED')
    const state = JSON.stringify({ state: 'online', session: 's2' })
    await publish(login, `v1/devices/${id}/presence`, state, '-r')
    const topic = `v1/devices/${id}/commands/${command.id}`
    await waitFor(() => commands.lines().some((line) => line.startsWith(`${topic}|`)), {
      what: 'the command to be sent',
    })
    await publish(login, `${topic}/result`, '{"status":"succeeded"}')
    expect(await whenFinal(command)).toMatchObject({ state: 'SUCCESSFUL' })
  })

  it("a request for the twin is answered on the requester's own response topic", async () => {
    const id = 'asker'
    const login = await ownDevice(system, owner, id)
    await owner.client.call(devices.patchTwin, { params: { id }, body: { desired: { fan: 'on' } } })
    const answers = await listen(login, `v1/devices/${id}/answers/+`, '%t|%D|%p')
    await publish(
      login,
      `v1/devices/${id}/twin/get`,
      '{}',
      ...['-D', 'publish', 'response-topic', `v1/devices/${id}/answers/7`],
      ...['-D', 'publish', 'correlation-data', 'question-7'],
    )
    const line = await waitFor(() => answers.lines()[0], { what: 'the answer' })
    const [topic, correlation, payload = ''] = line.split('|')
    expect([topic, correlation]).toEqual([`v1/devices/${id}/answers/7`, 'question-7'])
    expect(JSON.parse(payload)).toMatchObject({ desired: { fan: 'on' }, version: 1 })
  })

  it('a last will says offline when the power is lost', async () => {
    const id = 'willing'
    const login = await ownDevice(system, owner, id)
    const topic = `v1/devices/${id}/presence`
    const state = async () =>
      (await owner.client.call(devices.presence, { params: { id } })).data.state
    const connection = startMqttProgram('mosquitto_pub', login, [
      ...['-i', id, '-q', '1', '-t', topic, '-l', '-r'],
      ...['--will-topic', topic, '--will-payload', '{"state":"offline","session":"s1"}'],
      ...['--will-retain', '--will-qos', '1'],
    ])
    open.add(connection)
    connection.write('{"state":"online","session":"s1"}\n')
    await waitFor(async () => (await state()) === 'online', { what: 'the device to be online' })
    await connection.kill()
    await waitFor(async () => (await state()) === 'offline', { what: 'the last will' })
  })
})
