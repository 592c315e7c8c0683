import { beforeEach, describe, expect, test } from 'vitest'
import type { CallInput } from './call-inputs.ts'
import type { RoomTask } from './call-outputs.ts'
import { receive, step } from './call-state.ts'
import type { CallDetails, CallState } from './call-types.ts'
import { contactsDestination } from './contacts-destination.ts'
import { deskDestination } from './desk-destination.ts'

const T0 = Date.parse('2026-11-22T10:00:00Z')
const user = (n: number) => `019aa5b8-7c00-7000-8000-00000000000${n}`
const [away, there] = [user(8), user(9)] as const
const details: CallDetails = {
  id: user(0),
  direction: 'inbound',
  from: '+12025550101',
  to: '+12025550100',
  queueId: null,
  agentId: null,
  startedBy: null,
  ringTimeoutSeconds: 30,
  record: false,
  metadata: {},
  createdAt: T0,
}

/** Objects by name: those that are away throw, as a broken RPC does, and the rest answer. */
class Objects {
  readonly told: string[] = []
  readonly away = new Set<string>([away])
  answer: object = { ok: true, value: { position: 1, devices: 1 } }

  getByName(name: string): object {
    const call = (what: string) => async (body: { offer?: number }) => {
      if (this.away.has(name)) throw new Error('The object is away')
      this.told.push(`${what} ${name}${body.offer === undefined ? '' : ` ${body.offer}`}`)
      return this.answer
    }
    const names = ['offer', 'withdraw', 'callPresence', 'ringDevices', 'stopRing']
    return Object.fromEntries(names.map((what) => [what, call(what)]))
  }
}

let state: CallState
let objects: Objects
let tasks: RoomTask[]
let heard: CallInput[]
const now = (input: CallInput): void => {
  const next = step(state, input, T0)
  state = next.state
  tasks.push(...(next.effects as RoomTask[]).filter(({ type }) => /^(queue|desk)\./.test(type)))
}
beforeEach(() => {
  objects = new Objects()
  heard = []
  const first = receive(details, 'CA1', [{ type: 'enqueue', queueId: away }])
  state = first.state
  tasks = first.effects.filter(({ type }) => type.startsWith('queue.')) as RoomTask[]
})

const host = {
  state: () => state,
  tell: (input: CallInput) => {
    heard.push(input)
    now(input)
  },
}
/** Sends what waits as the outbox does; false when it must be sent again. */
async function send(to: 'desk' | 'contacts'): Promise<boolean> {
  const destination = (to === 'desk' ? deskDestination : contactsDestination)(
    objects as never,
    host,
  )
  const rows = tasks.map((task, index) => ({ id: String(index), body: task as never }))
  return destination.send(rows).then(
    () => true,
    () => false,
  )
}
const left = (): CallInput => ({
  type: 'carrier.report',
  report: { callSid: 'CA1', status: 'completed', rejected: false, durationSeconds: null },
})

describe('while a queue is away', () => {
  test('its call waits, and is offered once the queue is back', async () => {
    for (let tries = 0; tries < 5; tries++) expect(await send('contacts')).toBe(false)
    expect(state.phase.status).toBe('queued')
    objects.away.clear()
    expect(await send('contacts')).toBe(true)
    expect(objects.told).toEqual([`offer ${away} 1`])
  })

  test('a call whose customer leaves ends once, and is not offered afterwards', async () => {
    expect(await send('contacts')).toBe(false)
    now(left())
    now(left())
    expect(state.phase).toMatchObject({ status: 'canceled', reason: 'abandoned' })
    objects.away.clear()
    expect(await send('contacts')).toBe(true)
    expect(objects.told).toEqual([`withdraw ${away} 1`])
  })

  test('a call is moved to another at once, without waiting for the first', async () => {
    // As a supervisor does it.
    tasks.push(
      {
        type: 'queue.withdraw',
        queueId: away,
        contact: { callId: details.id, offer: 1, reason: 'moved' },
      },
      {
        type: 'queue.offer',
        queueId: there,
        contact: { ...offered(), offer: 2 },
      },
    )
    if (state.contact !== null)
      state = { ...state, contact: { ...state.contact, queueId: there, offer: 2 } }
    expect(await send('contacts')).toBe(false)
    expect(objects.told).toEqual([`offer ${there} 2`])
  })

  test('a queue that is full or busy is asked again; one that is not there ends the wait', async () => {
    objects.away.clear()
    objects.answer = { ok: false, error: { code: 'overloaded', retryAfterSeconds: 1 } }
    expect(await send('contacts')).toBe(false)
    expect(state.contact?.waits).toBe(true)
    objects.answer = { ok: false, error: { code: 'not_found' } }
    expect(await send('contacts')).toBe(true)
    expect(heard).toEqual([{ type: 'queue.missing', offer: 1 }])
    expect(state).toMatchObject({
      contact: { waits: false },
      leg: { hangup: { reason: 'queue_missing' } },
    })
  })
})

test('while a desk is away, the others hear of the call', async () => {
  const presence = (userId: string) => ({
    type: 'desk.presence',
    presence: { callId: details.id, userId, seq: 1, state: 'joined', queueId: null, at: T0 },
  })
  tasks = [presence(away), presence(there)] as never
  expect(await send('desk')).toBe(false)
  expect(objects.told).toEqual([`callPresence ${there}`])
})

function offered() {
  const [task] = tasks
  if (task?.type !== 'queue.offer') throw new Error('The call was not offered')
  return task.contact
}
