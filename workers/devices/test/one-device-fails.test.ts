import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { newId } from '@menagerie/core'
import { beforeAll, expect, test } from 'vitest'
import {
  type Answer,
  aDevice,
  ask,
  aUser,
  type Caller,
  message,
  testEnv,
  theBridge,
} from './support/api.ts'

let owner: Caller
let bridge: Caller
beforeAll(async () => {
  ;[owner, bridge] = await Promise.all([aUser('user'), theBridge()])
})

const outcomes = ({ body }: Answer): string[] =>
  body.data.results.map(({ result }: { result: string }) => result)
const event = (id: string, seq: number) => message(id, 'events/door', { seq, data: seq })

/** A twin whose storage is of no use until it is mended. */
async function broken(id: string) {
  const twin = testEnv.DEVICE_TWIN.getByName(id)
  const rename = (from: string, to: string) =>
    runInDurableObject(twin, (_, { storage }) => {
      storage.sql.exec(`ALTER TABLE ${from} RENAME TO ${to}`)
    })
  await rename('events', 'broken')
  return async () => {
    await rename('broken', 'events')
    await evictDurableObject(twin)
  }
}

test('a twin that fails for ever holds up no other device, and its messages reach it once it is mended', async () => {
  const [sick, well] = await Promise.all([aDevice(owner), aDevice(owner)])
  const link = `link-${newId()}`
  const send = (hold: string[] | undefined, ...messages: object[]) =>
    ask(bridge, 'POST', '/devices/bridge/messages', { link, messages, ...(hold && { hold }) })
  await send(undefined, event(sick, 1))
  const mend = await broken(sick)
  const first = await send(undefined, event(sick, 2), event(well, 1), event(sick, 3))
  expect([first.status, outcomes(first)]).toEqual([200, ['retry', 'stored', 'retry']])
  expect(first.body.data.acks).toEqual([{ deviceId: well, epoch: 0, ackedThrough: 1 }])
  const second = await send([sick], event(sick, 2), event(sick, 3), event(well, 2))
  expect(outcomes(second)).toEqual(['held', 'held', 'stored'])
  await mend()
  const third = await send([sick], event(sick, 4))
  expect(outcomes(third)).toEqual(['stored'])
  expect(third.body.data.acks).toEqual([{ deviceId: sick, epoch: 0, ackedThrough: 4 }])
  const again = await send(
    undefined,
    ...[1, 2, 3, 4].map((seq) => event(sick, seq)),
    event(sick, 5),
  )
  expect(outcomes(again)).toEqual([...Array(4).fill('duplicate'), 'stored'])
})
