import type { ThresholdRule } from '@menagerie/contracts'
import { describe, expect, it } from 'vitest'
import { emptyTwin } from '../document/twin-document.ts'
import { unknownPresence } from '../presence/presence-rule.ts'
import { replaceRules } from '../rules/threshold.ts'
import type { DeviceMessage } from '../twin-types.ts'
import { judgeBatch } from './judge-batch.ts'
import { type DeviceNumber, isAfter } from './numbering.ts'
import { parseMessage } from './parse-message.ts'

const now = Date.parse('2026-11-21T10:00:00Z')
const rule: ThresholdRule = { stream: 'climate', field: 't', operator: 'above', threshold: 30 }

/** What a batch makes of the rule, for a twin whose latest sample has the number `latest`. */
function edgesOf(payloads: unknown[], latest?: DeviceNumber) {
  const messages = payloads.map((payload): DeviceMessage => {
    const of = { kind: 'telemetry', stream: 'climate' } as const
    const receivedAt = '2026-11-21T10:00:00.000Z'
    return {
      topic: 'v1/devices/d1/telemetry/climate',
      of,
      payload: JSON.stringify(payload),
      qos: 1,
      receivedAt,
    }
  })
  let keys = 0
  const plan = judgeBatch(
    messages.map((message) => ({ message, parsed: parseMessage(message, 'd1', now) })),
    {
      state: {
        details: {
          id: 'd1',
          name: 'd1',
          ownerId: 'ann',
          metadata: {},
          tags: [],
          inactivityTimeoutSeconds: null,
          createdAt: now,
        },
        active: true,
        twin: emptyTwin,
        presence: unknownPresence,
        rules: replaceRules([], [rule]),
      },
      numbers:
        latest === undefined
          ? []
          : [{ ...latest, ackedThrough: 0, ahead: [[latest.seq, latest.seq]] }],
      commands: { find: () => undefined, open: () => [] },
      hasStream: () => true,
      streamCount: 1,
      latestNumber: () => latest,
      knownPlaces: () => new Set(),
      hasEvent: () => false,
      rejection: () => undefined,
      changesSince: () => undefined,
      now,
      newKey: () => `key-${keys++}`,
    },
  )
  return { samples: plan.samples.length, edges: plan.happenings.map(({ data }) => data.state) }
}
const sample = (seq: number, t: number, epoch = 0) => ({ epoch, seq, values: { t } })

describe('a threshold', () => {
  it('is not crossed by a sample that a newer one has overtaken: it is kept, and says nothing of now', () => {
    expect(edgesOf([sample(3, 99)], { epoch: 0, seq: 5 })).toEqual({ samples: 1, edges: [] })
    expect(edgesOf([sample(5, 20), sample(3, 99), sample(4, 99)])).toEqual({
      samples: 3,
      edges: [],
    })
    expect(edgesOf([[sample(5, 20), sample(3, 99)]])).toEqual({ samples: 2, edges: [] })
    expect(edgesOf([sample(9, 99, 0)], { epoch: 1, seq: 1 })).toEqual({ samples: 1, edges: [] })
  })

  it('is crossed by newer samples, by those of a new epoch, and by those without a number', () => {
    expect(edgesOf([sample(6, 99)], { epoch: 0, seq: 5 }).edges).toEqual(['triggered'])
    expect(edgesOf([sample(1, 99, 1)], { epoch: 0, seq: 5 }).edges).toEqual(['triggered'])
    expect(edgesOf([{ values: { t: 99 } }], { epoch: 0, seq: 5 }).edges).toEqual(['triggered'])
    expect(edgesOf([sample(1, 99), sample(2, 20)]).edges).toEqual(['triggered', 'cleared'])
  })
})

describe('a value that flaps by the thousand', () => {
  const flapping = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ values: { t: n % 2 === 0 ? 99 : 0 } }))

  it.each([
    [999, 'triggered'],
    [1_000, 'cleared'],
    [4_001, 'triggered'],
    [4_002, 'cleared'],
  ] as const)(
    'is kept, and told at most a thousand times and as where it ends: %i',
    (count, end) => {
      const { samples, edges } = edgesOf([flapping(count)])
      expect(samples).toBe(count)
      expect(edges.length).toBeLessThanOrEqual(1_001)
      expect(edges.at(-1)).toBe(end)
      expect(edges).toEqual(edges.map((_, n) => (n % 2 === 0 ? 'triggered' : 'cleared')))
    },
  )
})

describe('a number', () => {
  it('comes after lower ones of its epoch and after all of older epochs', () => {
    expect(isAfter({ epoch: 1, seq: 1 }, { epoch: 0, seq: 9 })).toBe(true)
    expect(isAfter({ epoch: 1, seq: 2 }, { epoch: 1, seq: 1 })).toBe(true)
    expect(isAfter({ epoch: 1, seq: 1 }, { epoch: 1, seq: 1 })).toBe(false)
  })
})
