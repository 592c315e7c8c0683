import { describe, expect, it } from 'vitest'
import type { CallInput } from './call-inputs.ts'
import { begin, step } from './call-state.ts'
import type { CallDetails, CallState } from './call-types.ts'
import { instructionsOf } from './instructions.ts'

const now = Date.parse('2026-11-22T10:00:00Z')
const ada = '019aa5b8-7c00-7000-8000-000000000001'
const callSid = 'CA1'
const details: CallDetails = {
  id: '019aa5b8-7c00-7000-8000-000000000000',
  direction: 'outbound',
  from: '+12025550100',
  to: '+12025550101',
  queueId: null,
  agentId: null,
  startedBy: ada,
  ringTimeoutSeconds: 30,
  record: false,
  metadata: {},
  createdAt: now,
}
const asks: CallInput = { type: 'carrier.asked', callSid, dial: null }
const reports: CallInput = {
  type: 'carrier.report',
  report: { callSid, status: 'in-progress', rejected: false, durationSeconds: null },
}
const here: CallInput = { type: 'user.present', userId: ada, connectionId: ada }

const played = (...inputs: CallInput[]): CallState =>
  inputs.reduce((state, input) => step(state, input, now).state, begin(details).state)

describe('a phone that answers a call', () => {
  it.each([
    ['asks first', [here, asks]],
    ['is reported first', [here, reports, asks]],
    ['asks first and is reported after', [here, asks, reports]],
  ])('hears who made it, where the carrier %s', (_, inputs) => {
    const state = played(...inputs)
    expect(state.phase.status).toBe('in-progress')
    expect(instructionsOf(state)).toMatchObject([{ type: 'dial-user', userId: ada }])
  })

  it('waits while that browser cannot be dialled, and while it is not there', () => {
    const state = played(here, asks)
    const starter = state.participants.find(({ kind }) => kind === 'user')
    const dial = { participantId: starter?.id ?? '', status: 'failed' } as const
    expect(instructionsOf(step(state, { ...asks, dial }, now).state)).toEqual([{ type: 'wait' }])
    expect(instructionsOf(played(asks))).toEqual([{ type: 'wait' }])
  })

  it('is put through when the browser comes after it', () => {
    const { state, effects } = step(played(asks), here, now)
    expect(effects).toContainEqual({ type: 'carrier.redirect' })
    expect(instructionsOf(state)).toMatchObject([{ type: 'dial-user', userId: ada }])
  })
})
