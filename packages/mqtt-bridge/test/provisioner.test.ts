import { afterEach, beforeEach, expect, it } from 'vitest'
import { Provisioner } from '../src/broker/provisioner.ts'
import { quiet } from './quiet.ts'
import { ScriptedBroker } from './scripted-broker.ts'
import { waitUntil } from './wait-until.ts'

let broker: ScriptedBroker
let provisioner: Provisioner

beforeEach(async () => {
  broker = await new ScriptedBroker().listen()
  provisioner = new Provisioner({
    settings: {
      mqtt: {
        url: broker.url,
        protocolVersion: 5,
        username: 'the.bridge',
        password: 'secret',
        clientId: 'bridge',
        keepaliveSeconds: 30,
      },
      admin: { username: 'the.admin', password: 'secret' },
    },
    mayReturn: () => true,
    ...quiet(),
  })
  provisioner.start()
  await waitUntil('it listens', () => broker.subscriptions.length > 0)
})
afterEach(async () => {
  await provisioner.stop(1_000)
  await broker.close()
})

it('asks a broker that is slow for no more than its callers still wait for', async () => {
  // It answers to nothing at all.
  const set = (id: string) => provisioner.set(id, id, 'password')
  const told = await Promise.all([set('a'), set('b'), set('c')])
  expect(told).toEqual([
    { ok: false, detail: 'The broker did not answer in time' },
    { ok: false, detail: 'The broker is busy' },
    { ok: false, detail: 'The broker is busy' },
  ])
  expect(broker.published).toHaveLength(1)
})

it('takes answers to nothing but what it asked', async () => {
  const told = provisioner.set('a', 'a', 'password')
  await waitUntil('it has asked', () => broker.published.length === 1)
  const { commands } = JSON.parse(String(broker.published[0]?.payload)) as {
    commands: { command: string; correlationData: string }[]
  }
  const answer = (responses: object[]) =>
    broker.deliverQos0('$CONTROL/dynamic-security/v1/response', JSON.stringify({ responses }))
  answer(commands.map(({ command }) => ({ command, correlationData: 'another', error: 'no' })))
  broker.deliverQos0('$CONTROL/dynamic-security/v1/response', 'no json')
  answer(commands.map(({ command, correlationData }) => ({ command, correlationData })))
  expect(await told).toEqual({ ok: true })
})
