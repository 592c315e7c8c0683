import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type DeviceNumber, MAX_AHEAD, MAX_EPOCHS, type Numbers, takeNumber } from './numbering.ts'

function takeAll(numbers: Numbers, all: readonly DeviceNumber[]) {
  const outcomes: string[] = []
  let known = numbers
  for (const number of all) {
    const taken = takeNumber(known, number)
    known = taken.numbers
    outcomes.push(taken.outcome)
  }
  return { numbers: known, outcomes }
}

describe('a device’s numbers', () => {
  it('are new once, and acknowledged up to the first gap, in any order', () => {
    const number = fc.record({
      epoch: fc.integer({ min: -1, max: 2 }),
      seq: fc.integer({ min: 1, max: 30 }),
    })
    fc.assert(
      fc.property(fc.array(number, { maxLength: 80 }), (all) => {
        const { numbers, outcomes } = takeAll([], all)
        const seen = new Set<string>()
        for (const [index, { epoch, seq }] of all.entries()) {
          expect(outcomes[index]).toBe(seen.has(`${epoch}.${seq}`) ? 'duplicate' : 'new')
          seen.add(`${epoch}.${seq}`)
        }
        expect(numbers.map(({ epoch }) => epoch)).toEqual(
          [...new Set(all.map(({ epoch }) => epoch))].sort((one, other) => other - one),
        )
        for (const { epoch, ackedThrough, ahead } of numbers) {
          let contiguous = 0
          while (seen.has(`${epoch}.${contiguous + 1}`)) contiguous += 1
          expect(ackedThrough).toBe(contiguous)
          const beyond = ahead.flatMap(([first, last]) =>
            Array.from({ length: last - first + 1 }, (_, offset) => first + offset),
          )
          const expected = all
            .filter((one) => one.epoch === epoch && one.seq > contiguous)
            .map(({ seq }) => seq)
          expect(beyond).toEqual([...new Set(expected)].sort((one, other) => one - other))
        }
      }),
    )
  })

  it('take one row for each epoch however many come in order', () => {
    const inOrder = Array.from({ length: 5_000 }, (_, index) => ({ epoch: 0, seq: index + 1 }))
    expect(takeAll([], inOrder).numbers).toEqual([{ epoch: 0, ackedThrough: 5_000, ahead: [] }])
  })

  it('are remembered of the eight newest epochs', () => {
    const epochs = Array.from({ length: MAX_EPOCHS + 2 }, (_, epoch) => ({ epoch, seq: 1 }))
    const { numbers } = takeAll([], epochs)
    expect(numbers).toHaveLength(MAX_EPOCHS)
    expect(takeNumber(numbers, { epoch: 1, seq: 2 })).toEqual({
      numbers,
      outcome: 'forgotten_epoch',
    })
    expect(takeNumber(numbers, { epoch: 2, seq: 1 }).outcome).toBe('duplicate')
  })

  it('may leave so many gaps and not one more', () => {
    const gaps = Array.from({ length: MAX_AHEAD }, (_, index) => ({ epoch: 0, seq: 2 * index + 3 }))
    const { numbers } = takeAll([], gaps)
    const next = 2 * MAX_AHEAD + 3
    expect(takeNumber(numbers, { epoch: 0, seq: next }).outcome).toBe('too_many_gaps')
    const filled = takeNumber(numbers, { epoch: 0, seq: 4 }).numbers
    expect(takeNumber(filled, { epoch: 0, seq: next }).outcome).toBe('new')
  })
})
