import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Fault, Room } from '../../test/call-room/room-on-a-bad-line.ts'
import { hasEnded } from './call-phase.ts'
import { legsOf } from './legs.ts'

const faults = fc.array(
  fc.constantFrom<Fault>(
    'fine',
    'request lost',
    'answer lost',
    'too busy',
    'crash before',
    'crash after',
  ),
  { maxLength: 8 },
)

test('however bad the line, a phone rings once, and once the line is good it does ring', async () => {
  await fc.assert(
    fc.asyncProperty(faults, async (bad) => {
      const room = new Room()
      room.carrier.faults = [...bad]
      room.start()
      await room.pass(590_000)
      expect(room.carrier.calls).toHaveLength(1)
      expect(room.state.leg.callSid).toBe('CA1')
      room.storage.close()
    }),
    { numRuns: 150 },
  )
})

test('a call that is hung up at any moment is not left running at the carrier', async () => {
  await fc.assert(
    fc.asyncProperty(faults, fc.integer({ min: 0, max: 20_000 }), async (bad, after) => {
      const room = new Room()
      room.carrier.faults = [...bad]
      room.start()
      await room.pass(after)
      room.tell({ type: 'hangup' })
      await room.pass(30 * 60_000)
      expect(room.carrier.calls.length).toBeLessThanOrEqual(1)
      expect(room.carrier.calls.some(({ live }) => live)).toBe(false)
      expect(hasEnded(room.state)).toBe(true)
      expect(room.state.phase.status).toBe('canceled')
      room.storage.close()
    }),
    { numRuns: 150 },
  )
})

test('an order that the carrier refuses ends the call at once', async () => {
  const room = new Room()
  room.carrier.faults = ['refused']
  room.start()
  await room.pass(100)
  expect(room.state.phase).toMatchObject({ status: 'failed', reason: 'carrier_refused' })
  expect(room.carrier.calls).toHaveLength(0)
})

test('a call that is hung up before it was dialled is canceled at once and never dialled', async () => {
  const room = new Room()
  room.start()
  room.tell({ type: 'hangup' })
  await room.pass(100)
  expect(room.state.phase.status).toBe('canceled')
  expect(room.carrier.calls).toHaveLength(0)
})

test('a carrier that asks for patience is not asked again before', async () => {
  const room = new Room()
  room.carrier.faults = ['too busy']
  room.start()
  await room.pass(1_900)
  expect(room.carrier.calls).toHaveLength(0)
  await room.pass(10_000)
  expect(room.carrier.calls).toHaveLength(1)
})

test('an order whose outcome nobody can tell is given up an hour after the end of the call', async () => {
  const room = new Room()
  room.carrier.forgetsTokens = true
  room.carrier.faults = ['answer lost']
  room.start()
  await room.pass(10_000)
  room.tell({ type: 'hangup' })
  await room.pass(2 * 60 * 60_000)
  const { searches } = room.carrier
  expect(searches).toBeGreaterThan(10)
  await room.pass(24 * 60 * 60_000)
  expect(room.carrier.searches).toBe(searches)
  expect(room.carrier.calls).toHaveLength(1)
  expect(room.storage.alarmAt).toBeNull()
})

test('keys are pressed once at most, however bad the line', async () => {
  await fc.assert(
    fc.asyncProperty(faults, async (bad) => {
      const room = new Room()
      await room.talking()
      room.carrier.faults = [...bad]
      room.order({ type: 'carrier.digits', digits: '12#' })
      await room.pass(60_000)
      expect(room.carrier.pressed.length).toBeLessThanOrEqual(1)
      if (bad.length === 0) expect(room.carrier.pressed).toEqual(['12#'])
      room.storage.close()
    }),
    { numRuns: 150 },
  )
})

test('keys are pressed in their order, also when the carrier asks for patience', async () => {
  const room = new Room()
  await room.talking()
  room.carrier.faults = ['too busy']
  room.order({ type: 'carrier.digits', digits: '1' })
  room.order({ type: 'carrier.digits', digits: '2' })
  await room.pass(1_900)
  expect(room.carrier.pressed).toEqual([])
  await room.pass(9_000)
  expect(room.carrier.pressed).toEqual(['1', '2'])
})

test('keys never overtake each other', async () => {
  await fc.assert(
    fc.asyncProperty(faults, async (bad) => {
      const room = new Room()
      await room.talking()
      room.carrier.faults = [...bad]
      for (const digits of ['1', '2', '3']) room.order({ type: 'carrier.digits', digits })
      await room.pass(60_000)
      expect(room.carrier.pressed).toEqual([...room.carrier.pressed].sort())
      expect(new Set(room.carrier.pressed).size).toBe(room.carrier.pressed.length)
      room.storage.close()
    }),
    { numRuns: 150 },
  )
})

test('keys that could not be pressed in time are not pressed any more', async () => {
  const room = new Room()
  await room.talking()
  room.carrier.faults = Array<Fault>(20).fill('too busy')
  room.order({ type: 'carrier.digits', digits: '1' })
  await room.pass(60_000)
  room.carrier.faults = []
  await room.pass(10 * 60_000)
  expect(room.carrier.pressed).toEqual([])
})

test('a redirect gets through in the end, and asks for nothing in a call that is over', async () => {
  await fc.assert(
    fc.asyncProperty(faults, async (bad) => {
      const room = new Room()
      await room.talking()
      room.carrier.faults = [...bad]
      room.order({ type: 'carrier.redirect' })
      await room.pass(110_000)
      expect(room.carrier.redirects).toBeGreaterThanOrEqual(1)
      const { redirects } = room.carrier
      room.carrier.faults = []
      const report = { callSid: 'CA1', rejected: false, durationSeconds: null }
      room.tell({ type: 'carrier.report', report: { ...report, status: 'completed' } })
      room.order({ type: 'carrier.redirect' })
      await room.pass(10_000)
      expect(room.carrier.redirects).toBe(redirects)
      room.storage.close()
    }),
    { numRuns: 100 },
  )
})

test('a redirect that fails does not keep the order to hang up waiting', async () => {
  const room = new Room()
  await room.talking()
  room.carrier.faults = ['request lost', 'request lost', 'request lost']
  room.order({ type: 'carrier.redirect' })
  room.tell({ type: 'hangup' })
  await room.pass(10_000)
  expect(room.carrier.redirects).toBe(0)
  expect(room.carrier.calls.some(({ live }) => live)).toBe(false)
})

const asked = '+12025550188'

/** An answered call whose starter asks a telephone. */
async function asking(bad: readonly Fault[]): Promise<Room> {
  const room = new Room()
  await room.talking()
  const userId = room.state.details.startedBy ?? ''
  room.tell({ type: 'user.present', userId, connectionId: 'tab' })
  // The customer is put through to the browser that came.
  await room.pass(100)
  room.carrier.faults = [...bad]
  room.obey({ type: 'transfer', mode: 'attended', to: asked })
  return room
}

test('a telephone that is asked rings once, however bad the line, beside the first call', async () => {
  await fc.assert(
    fc.asyncProperty(faults, async (bad) => {
      const room = await asking(bad.slice(0, 4))
      await room.pass(30_000)
      expect(room.carrier.calls.map(({ leg }) => leg)).toEqual([undefined, 'l1'])
      expect(room.state.seconds?.legs).toMatchObject([{ id: 'l1', callSid: 'CA2' }])
      expect(room.state.leg.callSid).toBe('CA1')
      room.storage.close()
    }),
    { numRuns: 100 },
  )
})

test('a telephone that is asked no more is not left ringing, and the first call goes on', async () => {
  await fc.assert(
    fc.asyncProperty(faults, fc.integer({ min: 0, max: 20_000 }), async (bad, after) => {
      const room = await asking(bad)
      await room.pass(after)
      room.obey({ type: 'transfer', mode: 'cancel' })
      await room.pass(90_000)
      const [first, ...others] = room.carrier.calls
      expect(first?.live).toBe(true)
      expect(others.length).toBeLessThanOrEqual(1)
      expect(others.some(({ live }) => live)).toBe(false)
      expect(legsOf(room.state)).toEqual([])
      expect(room.state.phase.status).toBe('in-progress')
      room.storage.close()
    }),
    { numRuns: 100 },
  )
})

test('a call that is hung up while a telephone is asked leaves neither running', async () => {
  await fc.assert(
    fc.asyncProperty(faults, fc.integer({ min: 0, max: 20_000 }), async (bad, after) => {
      const room = await asking(bad)
      await room.pass(after)
      room.tell({ type: 'hangup' })
      await room.pass(30 * 60_000)
      expect(room.carrier.calls.some(({ live }) => live)).toBe(false)
      expect(room.carrier.calls.length).toBeLessThanOrEqual(2)
      expect(legsOf(room.state)).toEqual([])
      expect(room.state.phase).toMatchObject({ status: 'completed', reason: 'hangup' })
      room.storage.close()
    }),
    { numRuns: 100 },
  )
})

test('a telephone that the carrier refuses to dial is no end of the call', async () => {
  // The customer is sent to wait before that.
  const room = await asking(['fine', 'refused'])
  await room.pass(100)
  expect(room.state).toMatchObject({ phase: { status: 'in-progress' }, transfer: null })
  expect(legsOf(room.state)).toEqual([])
})
