import { evictDurableObject } from 'cloudflare:test'
import { newId } from '@menagerie/core'
import { describe, expect, test } from 'vitest'
import { ask, aUser, type Caller, eventually, testEnv } from './support/api.ts'
import {
  atDesk,
  callOf,
  enter,
  eventsOf,
  hasTimer,
  type Line,
  ring,
  untilStatus,
} from './support/room-line.ts'

const people = (): Promise<[Caller, Caller, Caller]> =>
  Promise.all([aUser('agent'), aUser('agent'), aUser('agent')])

const start = async (caller: Caller, callee: Caller, more: object = {}): Promise<string> => {
  const started = await ask(caller, 'POST', '/calls/start', { to: `user:${callee.id}`, ...more })
  expect(started.status).toBe(201)
  return started.body.data.id
}

const idOf = (call: { participants: { id: string; address: string }[] }, caller: Caller) =>
  call.participants.find(({ address }) => address === caller.id)?.id ?? ''

/** Two browsers that talk. */
async function talking(): Promise<{
  ada: Caller
  bob: Caller
  eve: Caller
  id: string
  caller: Line
  callee: Line
  adaIs: string
  bobIs: string
}> {
  const [ada, bob, eve] = await people()
  const id = await start(ada, bob)
  const [caller, callee] = await Promise.all([enter(ada, id), enter(bob, id)])
  expect((await callee.answered('call.answer', 'answer')).type).toBe('ack')
  const call = await untilStatus(ada, id, 'in-progress')
  return { ada, bob, eve, id, caller, callee, adaIs: idOf(call, ada), bobIs: idOf(call, bob) }
}

describe('a call between browsers', () => {
  test('rings at the desk of whoever is called, is answered there and ends at once', async () => {
    const [ada, bob] = await people()
    const desk = await atDesk(bob)
    const id = await start(ada, bob)
    const rung = await desk.until('call.status', ({ callId }) => callId === id)
    expect(rung.data).toMatchObject({
      status: 'ringing',
      direction: 'internal',
      from: `user:${ada.id}`,
    })
    await untilStatus(ada, id, 'ringing')
    const answered = await ask(bob, 'POST', `/calls/${id}/answer`, { expectedStatus: 'ringing' })
    expect([answered.status, answered.body.data.status]).toEqual([202, 'in-progress'])
    await desk.until('call.status', (data) => data.callId === id && data.status === 'in-progress')
    const ended = await ask(ada, 'POST', `/calls/${id}/hangup`)
    expect(ended.body.data).toMatchObject({ status: 'completed', hangupCause: 'hangup' })
  })

  test('tells who came and went in order, and one final status', async () => {
    const { ada, id, caller, callee } = await talking()
    caller.send('call.hangup', 'end')
    await eventually(() => expect([caller.closedWith, callee.closedWith]).toEqual([4410, 4410]))
    expect((await eventsOf(ada, id)).map(({ type, data }) => data.status ?? type)).toEqual([
      'queued',
      'participant.joined',
      'ringing',
      'participant.joined',
      'in-progress',
      'participant.left',
      'participant.left',
      'completed',
    ])
  })

  test('that nobody takes is no-answer; refused it is busy; hung up before an answer canceled', async () => {
    const [ada, bob] = await people()
    const alone = await start(ada, bob)
    await ring(alone, 'user-ring')
    expect(await untilStatus(ada, alone, 'no-answer')).toMatchObject({
      hangupCause: 'ring_timeout',
    })
    const refused = await start(ada, bob)
    expect((await ask(bob, 'POST', `/calls/${refused}/reject`)).status).toBe(202)
    expect(await callOf(ada, refused)).toMatchObject({ status: 'busy', hangupCause: 'rejected' })
    const dropped = await start(ada, bob)
    await ask(ada, 'POST', `/calls/${dropped}/hangup`)
    expect(await callOf(ada, dropped)).toMatchObject({ status: 'canceled', hangupCause: 'hangup' })
  })

  test('cannot be made to oneself, nor with what phones alone can do', async () => {
    const [ada, bob] = await people()
    const wrong = [{ to: `user:${ada.id}` }, { from: '+12025550100' }, { flowId: newId() }]
    for (const more of wrong) {
      const refused = await ask(ada, 'POST', '/calls/start', { to: `user:${bob.id}`, ...more })
      expect([refused.status, refused.body.code]).toEqual([422, 'validation_failed'])
    }
  })

  test('gives of two answers one the call, and the other conflict; other tabs learn which', async () => {
    const [ada, bob] = await people()
    const id = await start(ada, bob)
    const [first, second] = await Promise.all([enter(bob, id), enter(bob, id)])
    const answers = await Promise.all([
      first.answered('call.answer', 'a'),
      second.answered('call.answer', 'b'),
    ])
    expect(answers.map(({ type }) => type).sort()).toEqual(['ack', 'error'])
    expect(answers.find(({ type }) => type === 'error')?.data.code).toBe('conflict')
    const winner = answers[0]?.type === 'ack' ? first : second
    for (const line of [first, second]) {
      const joined = await line.until('participant.joined', ({ address }) => address === bob.id)
      expect(joined.data.connectionId).toBe(winner.connectionId)
    }
    const call = await callOf(ada, id)
    expect(
      call.participants.filter(({ address }: { address: string }) => address === bob.id),
    ).toHaveLength(1)
  })

  test('goes on over a refresh and an eviction, and ends 15 s after somebody has gone for good', async () => {
    const { ada, bob, id, caller, callee } = await talking()
    callee.close()
    await eventually(async () => expect(await hasTimer(id, 'gone:')).toBe(true))
    const again = await enter(bob, id)
    await eventually(async () => expect(await hasTimer(id, 'gone:')).toBe(false))
    const moved = await caller.until('participant.updated', ({ address }) => address === bob.id)
    expect(moved.data.connectionId).toBe(again.connectionId)
    await evictDurableObject(testEnv.CALL_ROOM.getByName(id))
    expect((await callOf(ada, id)).status).toBe('in-progress')
    again.close()
    await eventually(async () => expect(await hasTimer(id, 'gone:')).toBe(true))
    await ring(id, 'gone:')
    expect(await untilStatus(ada, id, 'completed')).toMatchObject({
      hangupCause: 'participant_left',
    })
  })

  test('is held and taken back from the right status only, with the time of it', async () => {
    const { ada, id, caller } = await talking()
    expect((await caller.answered('call.resume', 'r')).data.code).toBe('conflict')
    expect((await caller.answered('call.hold', 'h')).type).toBe('ack')
    expect((await caller.answered('call.hold', 'h2')).data.code).toBe('conflict')
    const stale = await ask(ada, 'POST', `/calls/${id}/resume`, { expectedStatus: 'in-progress' })
    expect([stale.status, stale.body.code]).toEqual([409, 'conflict'])
    expect((await ask(ada, 'POST', `/calls/${id}/resume`)).body.data.status).toBe('in-progress')
  })

  test('knows who is muted, how many tones were sent and how it went, also after its end', async () => {
    const { ada, bob, id, caller, callee } = await talking()
    caller.send('call.mute', 'm')
    const muted = await callee.until('participant.updated', (data) => data.muted)
    expect(muted.data.address).toBe(ada.id)
    caller.send('call.dtmf', 'd', { digits: '4711w#' })
    expect((await callee.until('call.updated')).data).toEqual({ digitsSent: 5 })
    await ask(bob, 'POST', `/calls/${id}/hangup`)
    const path = `/calls/${id}/disposition`
    const told = await ask(ada, 'POST', path, { disposition: 'sold', notes: 'Two of them' })
    expect(told.body.data).toMatchObject({
      status: 'completed',
      disposition: 'sold',
      notes: 'Two of them',
    })
    const events = await eventsOf(ada, id)
    expect(events.at(-1)).toMatchObject({ type: 'call.updated', data: { disposition: 'sold' } })
    expect(JSON.stringify(events)).not.toContain('4711')
    await eventually(async () => {
      const { data } = (await ask(ada, 'GET', '/calls/history')).body
      expect(data.find((row: { id: string }) => row.id === id).disposition).toBe('sold')
    })
  })

  test('keeps each message once, and how far somebody has read', async () => {
    const { ada, id, caller, callee, bobIs } = await talking()
    const hello = { clientMessageId: 'one', body: 'Hello' }
    const first = await caller.answered('message.send', 'x', hello)
    const repeat = await caller.answered('message.send', 'y', hello)
    expect(repeat.data.seq).toBe(first.data.seq)
    const other = await caller.answered('message.send', 'z', { ...hello, body: 'Other' })
    expect(other.data.code).toBe('idempotency_mismatch')
    const created = await callee.until('message.created')
    expect(created.seq).toBe(first.data.seq)
    callee.send('message.read', 'r', { seq: created.seq })
    expect((await caller.until('message.status')).data).toEqual({
      seq: created.seq,
      status: 'read',
      by: bobIs,
    })
    expect((await callee.answered('message.read', 'far', { seq: 999 })).data.code).toBe(
      'validation_failed',
    )
    callee.send('typing', 't')
    expect((await caller.until('typing')).data).toEqual({ from: bobIs })
    const messages = (await eventsOf(ada, id)).filter(({ type }) => type === 'message.created')
    expect(messages).toHaveLength(1)
    expect(callee.frames.some(({ type }) => type === 'typing')).toBe(false)
  })
})

describe('signals between browsers', () => {
  test('reach the device that is in the call, and it alone', async () => {
    const { ada, bob, id, caller, callee, adaIs, bobIs } = await talking()
    const quiet = await enter(bob, id)
    caller.send('signal.offer', 'o', { to: bobIs, sdp: 'v=0' })
    expect((await callee.until('signal.offer')).data).toEqual({ from: adaIs, sdp: 'v=0' })
    const candidate = { candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: 0 }
    callee.send('signal.candidate', 'c', { to: adaIs, ...candidate })
    expect((await caller.until('signal.candidate')).data).toEqual({ from: bobIs, ...candidate })
    const taken = await quiet.answered('signal.answer', 's', { to: adaIs, sdp: 'v=0' })
    expect(taken.data.code).toBe('conflict')
    expect(quiet.frames.some(({ type }) => type.startsWith('signal.'))).toBe(false)
    // The device that answered is gone: another one goes on.
    callee.close()
    await eventually(async () => {
      quiet.send('signal.answer', newId(), { to: adaIs, sdp: 'v=1' })
      await caller.until('signal.answer', ({ sdp }) => sdp === 'v=1')
    })
    const events = await eventsOf(ada, id)
    expect(events.some(({ type }) => type.startsWith('signal.'))).toBe(false)
    expect(JSON.stringify(events)).not.toContain('candidate:1')
  })

  test('that say whom they are from, or are for others, are refused (S97)', async () => {
    const { caller, callee, adaIs, bobIs } = await talking()
    const refused = [
      await caller.answered('signal.offer', 'a', { to: bobIs, sdp: 'v=0', from: bobIs }),
      await caller.answered('message.send', 'b', { clientMessageId: 'm', body: 'x', from: bobIs }),
      await caller.answered('typing', 'c', { from: bobIs }),
      await caller.answered('signal.offer', 'd', { to: 'p9', sdp: 'v=0' }),
      await caller.answered('signal.offer', 'e', { to: adaIs, sdp: 'v=0' }),
    ]
    expect(refused.map(({ data }) => data.code)).toEqual([
      'validation_failed',
      'validation_failed',
      'validation_failed',
      'not_found',
      'not_found',
    ])
    expect(callee.frames.some(({ type }) => type === 'signal.offer' || type === 'typing')).toBe(
      false,
    )
  })

  test('that are no text or larger than 32 KiB are refused (S98)', async () => {
    const { caller, callee, bobIs } = await talking()
    const refused = [
      await caller.answered('signal.offer', 'a', { to: bobIs, sdp: { type: 'offer' } }),
      await caller.answered('signal.candidate', 'b', { to: bobIs, candidate: 7 }),
      await caller.answered('signal.offer', 'c', { to: bobIs, sdp: 'x'.repeat(32 * 1024) }),
      await caller.answered('signal.offer', 'd', { to: bobIs }),
    ]
    expect(refused.map(({ data }) => data.code)).toEqual(Array(4).fill('validation_failed'))
    caller.send('signal.offer', 'e', { to: bobIs, sdp: 'x'.repeat(32_000) })
    await callee.until('signal.offer')
  })
})

describe('what sockets do not take', () => {
  test('closes those who send too much, too large, binary or senseless frames (S94)', async () => {
    const { ada, id, caller } = await talking()
    const lines = await Promise.all([1, 2, 3, 4].map(() => enter(ada, id)))
    const [large, binary, senseless, unknown] = lines as [Line, Line, Line, Line]
    large.raw(`{"type":"typing","data":{"a":"${'x'.repeat(64 * 1024)}"}}`)
    binary.raw(new ArrayBuffer(3))
    for (let n = 0; n < 3; n++) senseless.raw('{')
    expect((await unknown.answered('call.dance', 'u')).data.code).toBe('invalid_request')
    await eventually(() =>
      expect(lines.map(({ closedWith }) => closedWith)).toEqual([1009, 1003, 1008, undefined]),
    )
    expect(caller.closedWith).toBeUndefined()
  })

  test('closes a client that floods, and others go on (S95)', async () => {
    const { ada, id, caller, callee } = await talking()
    const flooding = await enter(ada, id)
    for (let n = 0; n < 100; n++) flooding.send('typing', `t${n}`)
    await eventually(() => expect(flooding.closedWith).toBe(1008))
    expect((await callee.answered('call.mute', 'm')).type).toBe('ack')
    expect(caller.closedWith).toBeUndefined()
  })
})

describe('a transfer between users', () => {
  test('blind: the transferor leaves, the target takes the call', async () => {
    const { ada, bob, eve, id, caller } = await talking()
    const desk = await atDesk(eve)
    const moved = await ask(ada, 'POST', `/calls/${id}/transfer`, {
      mode: 'blind',
      to: `user:${eve.id}`,
    })
    expect(moved.status).toBe(202)
    await desk.until('call.status', (data) => data.callId === id && data.status === 'ringing')
    await caller.until('participant.left', ({ address }) => address === ada.id)
    expect((await ask(eve, 'POST', `/calls/${id}/answer`)).status).toBe(202)
    const call = await callOf(bob, id)
    const inside = call.participants.filter(({ state }: { state: string }) => state === 'joined')
    expect(inside.map(({ address }: { address: string }) => address).sort()).toEqual(
      [bob.id, eve.id].sort(),
    )
    expect([call.status, call.agentId]).toEqual(['in-progress', eve.id])
    // Who has handed a call over commands it no more.
    const late = await ask(ada, 'POST', `/calls/${id}/hangup`)
    expect([late.status, late.body.code]).toEqual([403, 'forbidden'])
  })

  test('blind: refused, it rings at the transferor again, then it is over', async () => {
    const { ada, bob, eve, id } = await talking()
    await ask(ada, 'POST', `/calls/${id}/transfer`, { mode: 'blind', to: `user:${eve.id}` })
    await ask(eve, 'POST', `/calls/${id}/reject`)
    expect((await ask(ada, 'POST', `/calls/${id}/answer`)).body.data.status).toBe('in-progress')
    await ask(ada, 'POST', `/calls/${id}/transfer`, { mode: 'blind', to: `user:${eve.id}` })
    await ring(id, 'user-ring')
    await ring(id, 'user-ring')
    expect(await untilStatus(bob, id, 'completed')).toMatchObject({
      hangupCause: 'transfer_failed',
    })
  })

  test('attended: the target is asked while the other waits, then the call is handed over', async () => {
    const { ada, bob, eve, id } = await talking()
    const transfer = (body: object) => ask(ada, 'POST', `/calls/${id}/transfer`, body)
    expect((await transfer({ mode: 'attended', to: `user:${eve.id}` })).body.data.status).toBe(
      'on-hold',
    )
    expect((await transfer({ mode: 'complete' })).body.code).toBe('conflict')
    expect((await ask(ada, 'POST', `/calls/${id}/resume`)).body.code).toBe('conflict')
    expect((await ask(eve, 'POST', `/calls/${id}/answer`)).body.data.status).toBe('on-hold')
    const done = await transfer({ mode: 'complete' })
    expect(done.body.data).toMatchObject({ status: 'in-progress', agentId: eve.id })
    expect(
      (await callOf(bob, id)).participants.map(({ state }: { state: string }) => state).sort(),
    ).toEqual(['joined', 'joined', 'left'])
  })

  test('attended: canceled, or refused, the call goes on as before; no phone can be heard in it', async () => {
    const { ada, eve, id } = await talking()
    const transfer = (body: object) => ask(ada, 'POST', `/calls/${id}/transfer`, body)
    await transfer({ mode: 'attended', to: `user:${eve.id}` })
    await ask(eve, 'POST', `/calls/${id}/answer`)
    expect((await transfer({ mode: 'cancel' })).body.data.status).toBe('in-progress')
    await transfer({ mode: 'attended', to: `user:${eve.id}` })
    await ask(eve, 'POST', `/calls/${id}/reject`)
    expect((await callOf(ada, id)).status).toBe('in-progress')
    const phone = await transfer({ mode: 'attended', to: '+12025550102' })
    expect([phone.status, phone.body.code]).toEqual([409, 'conflict'])
    const blind = await transfer({ mode: 'blind', to: '+12025550102' })
    expect([blind.status, blind.body.code]).toEqual([409, 'conflict'])
  })
})

describe('who is not, or not any more, in a call', () => {
  test('removed: sockets close with 4403 within a second, and there is no such call (S68)', async () => {
    const { ada, bob, eve, id } = await talking()
    const transfer = (body: object) => ask(ada, 'POST', `/calls/${id}/transfer`, body)
    await transfer({ mode: 'attended', to: `user:${eve.id}` })
    const third = await enter(eve, id)
    await third.answered('call.answer', 'a')
    const eveIs = idOf(await callOf(ada, id), eve)
    const at = Date.now()
    const removed = await ask(ada, 'DELETE', `/calls/${id}/participants/${eveIs}`)
    expect(removed.status).toBe(200)
    await eventually(() => expect(third.closedWith).toBe(4403))
    expect(Date.now() - at).toBeLessThan(1_000)
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/events'],
      ['POST', '/ticket'],
      ['POST', '/hangup'],
    ] as const)
      expect((await ask(eve, method, `/calls/${id}${path}`)).status).toBe(404)
    expect((await callOf(bob, id)).status).toBe('in-progress')
    await eventually(async () => {
      const { data } = (await ask(eve, 'GET', '/calls/history')).body
      expect(data.map((row: { id: string }) => row.id)).not.toContain(id)
    })
    const again = await ask(ada, 'DELETE', `/calls/${id}/participants/${eveIs}`)
    expect(again.status).toBe(404)
  })

  test('strangers find nothing, whatever they ask', async () => {
    const { id, bobIs } = await talking()
    const stranger = await aUser('agent')
    const asked = await Promise.all([
      ask(stranger, 'GET', `/calls/${id}`),
      ask(stranger, 'GET', `/calls/${id}/events`),
      ask(stranger, 'POST', `/calls/${id}/ticket`),
      ...['answer', 'reject', 'hangup', 'hold', 'resume'].map((what) =>
        ask(stranger, 'POST', `/calls/${id}/${what}`),
      ),
      ask(stranger, 'POST', `/calls/${id}/transfer`, { mode: 'cancel' }),
      ask(stranger, 'POST', `/calls/${id}/dtmf`, { digits: '1' }),
      ask(stranger, 'POST', `/calls/${id}/disposition`, { disposition: 'x' }),
      ask(stranger, 'DELETE', `/calls/${id}/participants/${bobIs}`),
    ])
    expect(asked.map(({ status }) => status)).toEqual(asked.map(() => 404))
  })
})

test('starts over the limit of a minute are refused with 429, and repeats of a known key are not', async () => {
  const [ada, bob] = await people()
  const key = { 'idempotency-key': newId() }
  const begin = (headers = {}) =>
    ask(ada, 'POST', '/calls/start', { to: `user:${bob.id}` }, headers)
  const first = await begin(key)
  const rest = await Promise.all(Array.from({ length: 30 }, () => begin()))
  const refused = rest.filter(({ status }) => status === 429)
  expect(refused).toHaveLength(1)
  expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0)
  const repeat = await begin(key)
  expect([repeat.status, repeat.body.data.id]).toEqual([201, first.body.data.id])
})
