import { describe, expect, it } from 'vitest'
import type { CallInput } from './call-inputs.ts'
import { begin, step } from './call-state.ts'
import type { CallDetails, CallState } from './call-types.ts'
import { instructionsOf } from './instructions.ts'

const now = Date.parse('2026-11-22T10:00:00Z')
const ada = '019aa5b8-7c00-7000-8000-000000000001'
const bob = '019aa5b8-7c00-7000-8000-000000000002'
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

  it('is put through again when that browser is back from a reload', () => {
    const dial = { participantId: 'p1', status: 'failed' } as const
    const absent: CallInput = { type: 'user.absent', userId: ada }
    const lost = played(here, asks, absent, { ...asks, dial })
    expect(instructionsOf(lost)).toEqual([{ type: 'wait' }])
    const { state, effects } = step(lost, here, now)
    expect(effects).toContainEqual({ type: 'carrier.redirect' })
    expect(instructionsOf(state)).toMatchObject([{ type: 'dial-user', userId: ada }])
  })

  it('is not torn out of its talk by a reload that the carrier did not notice', () => {
    const state = played(here, asks, { type: 'user.absent', userId: ada })
    expect(step(state, here, now).effects).not.toContainEqual({ type: 'carrier.redirect' })
  })
})

describe('a phone that was called for an agent', () => {
  const made = (...inputs: CallInput[]): CallState =>
    inputs.reduce(
      (state, input) => step(state, input, now).state,
      begin({ ...details, agentId: bob }).state,
    )
  const bobIsHere: CallInput = { type: 'user.present', userId: bob, connectionId: bob }

  it.each([
    ['was there before', [bobIsHere, asks]],
    ['comes after', [asks, bobIsHere]],
    ['is there beside who made the call', [here, bobIsHere, asks]],
  ])('hears the agent, who %s', (_, inputs) => {
    expect(instructionsOf(made(...inputs))).toMatchObject([{ type: 'dial-user', userId: bob }])
  })

  it.each([
    ['was there before', [here, asks]],
    ['comes after', [asks, here]],
  ])('hears who made the call where the agent is not there, and they %s', (_, inputs) => {
    expect(instructionsOf(made(...inputs))).toMatchObject([{ type: 'dial-user', userId: ada }])
    const { effects } = step(made(...inputs), bobIsHere, now)
    expect(effects).not.toContainEqual({ type: 'carrier.redirect' })
  })
})

describe('somebody whose browser is gone', () => {
  const absent: CallInput = { type: 'user.absent', userId: ada }
  const gone: CallInput = { type: 'timer.gone', participantId: 'p1', present: false }

  it('is given the time again where an outage took it: the call does not end before anybody could come back', () => {
    const away = played(here, asks, absent)
    const after = now + 60_000
    const late = step(away, gone, after)
    expect(late.state.phase.status).toBe('in-progress')
    expect(late.effects).toEqual([{ type: 'timer.set', name: 'gone:p1', at: after + 15_000 }])
    expect(step(late.state, gone, after + 15_000).effects).toContainEqual({
      type: 'carrier.hangup',
      callSid: null,
    })
    expect(step(away, gone, now + 15_000).effects).toContainEqual({
      type: 'carrier.hangup',
      callSid: null,
    })
  })
})
