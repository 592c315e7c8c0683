import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Carrier, CarrierAway, type PlaceCall } from './carrier.ts'

/** A carrier and the world behind it, as far as the suite needs to see it. */
export interface CarrierSetting {
  carrier: Carrier
  /** The same kind of carrier, at an address where nobody answers. */
  unreachable: Carrier
  /** Somebody who answers and stays. */
  answers: string
  /** What the carrier will not dial. */
  refused: string
  /** Addresses at which the carrier has asked what a call shall do, oldest first. */
  asked(): readonly string[]
  /** The keys that the other side of a call heard. */
  heard(callSid: string): string
  close(): Promise<void>
}

let calls = 0

/** What every carrier must do, whoever it is. */
export function testCarrier(name: string, open: () => Promise<CarrierSetting>): void {
  describe(`${name}, as a carrier`, () => {
    let at: CarrierSetting
    beforeEach(async () => {
      at = await open()
    })
    afterEach(() => at.close())

    const order = (to = at.answers): PlaceCall => ({
      callId: `019aa5b8-7c00-7000-8000-${String(++calls).padStart(12, '0')}`,
      to,
      from: '+12025550100',
      ringTimeoutSeconds: 20,
      record: false,
    })
    const eventually = <T>(check: () => T | Promise<T>) =>
      vi.waitFor(check, { timeout: 8_000, interval: 20 })
    async function placed(call: PlaceCall): Promise<string> {
      const answer = await at.carrier.place(call)
      if (answer.outcome !== 'placed') throw new Error(`The carrier said ${answer.outcome}`)
      return answer.callSid
    }
    async function answered(call: PlaceCall): Promise<string> {
      const callSid = await placed(call)
      await eventually(async () =>
        expect((await at.carrier.fetch(callSid))?.status).toBe('in-progress'),
      )
      await eventually(() => expect(at.asked()).toHaveLength(1))
      return callSid
    }

    test('dials, and knows the call afterwards', async () => {
      const callSid = await placed(order())
      expect((await at.carrier.fetch(callSid))?.callSid).toBe(callSid)
    })

    test('finds the call that an order has made, and none for an order that never came', async () => {
      const call = order()
      const since = Date.now()
      expect(await at.carrier.find(call, since)).toEqual({ outcome: 'none' })
      const callSid = await placed(call)
      expect(await at.carrier.find(call, since)).toEqual({ outcome: 'found', callSid })
    })

    test('tells the calls of one room apart, and asks each at an address of its own', async () => {
      const first = order()
      const second = { ...first, leg: 'l1' }
      const since = Date.now()
      const [sid] = [await answered(first)]
      expect(await at.carrier.find(second, since)).toEqual({ outcome: 'none' })
      const other = await placed(second)
      expect(other).not.toBe(sid)
      expect(await at.carrier.find(second, since)).toEqual({ outcome: 'found', callSid: other })
      expect(await at.carrier.find(first, since)).toEqual({ outcome: 'found', callSid: sid })
      await eventually(() => expect(at.asked()).toHaveLength(2))
      await at.carrier.redirect(other, first.callId, 'l1')
      await eventually(() => expect(at.asked()).toHaveLength(3))
      expect(at.asked().map((url) => new URL(url, 'http://x').searchParams.get('leg'))).toEqual([
        null,
        'l1',
        'l1',
      ])
    })

    test('refuses what it will not dial', async () => {
      expect(await at.carrier.place(order(at.refused))).toMatchObject({ outcome: 'refused' })
    })

    test('ends a call, and takes it well when there is nothing to end', async () => {
      const callSid = await answered(order())
      await at.carrier.hangUp(callSid)
      await eventually(async () =>
        expect((await at.carrier.fetch(callSid))?.status).toBe('completed'),
      )
      await at.carrier.hangUp(callSid)
      await at.carrier.hangUp(`CA${'0'.repeat(32)}`)
    })

    test('knows nothing of a call that it never had', async () => {
      expect(await at.carrier.fetch(`CA${'0'.repeat(32)}`)).toBeUndefined()
    })

    test('asks anew at the address of the call when it is redirected, as often as it is', async () => {
      const call = order()
      const callSid = await answered(call)
      await at.carrier.redirect(callSid, call.callId)
      await eventually(() => expect(at.asked()).toHaveLength(2))
      await at.carrier.redirect(callSid, call.callId)
      await eventually(() => expect(at.asked()).toHaveLength(3))
      for (const address of at.asked()) expect(address).toContain(`callId=${call.callId}`)
      expect((await at.carrier.fetch(callSid))?.status).toBe('in-progress')
    })

    test('presses keys, and asks afterwards what comes next', async () => {
      const call = order()
      const callSid = await answered(call)
      expect(await at.carrier.digits(callSid, call.callId, '12w#')).toBe('sent')
      await eventually(() => expect(at.asked()).toHaveLength(2))
      await eventually(() => expect(at.heard(callSid)).toBe('12w#'))
      expect((await at.carrier.fetch(callSid))?.status).toBe('in-progress')
    })

    test('neither redirects nor presses keys in a call that is over', async () => {
      const call = order()
      const callSid = await answered(call)
      await at.carrier.hangUp(callSid)
      await at.carrier.redirect(callSid, call.callId)
      await at.carrier.redirect(`CA${'0'.repeat(32)}`, call.callId)
      expect(await at.carrier.digits(callSid, call.callId, '1')).toBe('refused')
      expect(at.asked()).toHaveLength(1)
    })

    test('says so when it is away: an order to dial may have arrived, the rest is tried again', async () => {
      const { unreachable } = at
      const call = order()
      expect(await unreachable.place(call)).toMatchObject({ outcome: 'unsure' })
      expect(await unreachable.digits('CA1', call.callId, '1')).toBe('unsure')
      for (const asked of [
        unreachable.find(call, 0),
        unreachable.fetch('CA1'),
        unreachable.hangUp('CA1'),
        unreachable.redirect('CA1', call.callId),
      ])
        await expect(asked).rejects.toBeInstanceOf(CarrierAway)
    })
  })
}
