import { expect, test } from 'vitest'
import { CallStore } from '../src/carrier/call-store.ts'
import { freshCall, type LabCall, type LabStatus } from '../src/carrier/lab-call.ts'

const call = (sid: string, status: LabStatus): LabCall => ({
  ...freshCall(),
  sid,
  status,
  to: '+12025550101',
  from: '+12025550100',
  createdAt: 0,
  timeoutSeconds: 60,
  voiceUrl: null,
  statusUrl: null,
  statusEvents: [],
  idempotencyToken: null,
})
const told = {
  url: 'http://x',
  form: [],
  attempts: 1,
  dueAt: 0,
  firstAt: 0,
  kind: 'status',
} as const

test('old calls are forgotten, but none that goes on or whose end was not told', () => {
  const store = new CallStore(undefined)
  store.save(call('live', 'in-progress'))
  store.save({ ...call('untold', 'completed'), deliveries: [{ ...told, form: [] }] })
  for (let n = 0; n < 600; n++) store.save(call(`${n}`, 'completed'))
  expect(store.all()).toHaveLength(500)
  expect(store.get('live')?.status).toBe('in-progress')
  expect(store.get('untold')).toBeDefined()
  expect([store.get('101'), store.get('599')]).toMatchObject([undefined, { sid: '599' }])
})

test('as many as go on are kept', () => {
  const store = new CallStore(undefined)
  for (let n = 0; n < 700; n++) store.save(call(`${n}`, 'in-progress'))
  expect(store.all()).toHaveLength(700)
  store.save(call('0', 'completed'))
  expect(store.get('0')).toBeUndefined()
})
