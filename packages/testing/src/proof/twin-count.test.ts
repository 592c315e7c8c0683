import type { Session } from '@menagerie/client'
import { describe, expect, it } from 'vitest'
import { countAtTwins } from './twin-count.ts'

interface Twin {
  /** Numbers of its samples. */
  samples: number[]
  /** What its minutes counted. */
  minutes: number
  /** So often it does not answer first. */
  fails?: number
}

/** The answers of `GET /devices/{id}/telemetry`. */
const ownerOf = (twins: Record<string, Twin>) =>
  ({
    client: {
      call: async (
        _route: unknown,
        { params, query }: { params: { id: string }; query: { resolution: string } },
      ) => {
        const twin = twins[params.id]
        if (twin === undefined || (twin.fails ?? 0) > 0) {
          if (twin?.fails) twin.fails -= 1
          throw new Error('the twin cannot be asked')
        }
        const series =
          query.resolution === 'minute'
            ? [{ count: twin.minutes }]
            : twin.samples.map((seq) => ({ seq }))
        return { data: { series } }
      },
    },
  }) as unknown as Pick<Session, 'client'>

const count = (twins: Record<string, Twin>, each: number) =>
  countAtTwins(
    ownerOf(twins),
    Object.keys(twins).map((id) => ({ id })),
    each,
    0,
  )

describe('what twins have of numbered messages', () => {
  it('is nothing lost and nothing doubled where each number stands once and took effect once', async () => {
    const all = { samples: [2, 1, 3], minutes: 3 }
    expect(await count({ a: all, b: { ...all, fails: 1 } }, 3)).toEqual({
      stored: 6,
      lost: 0,
      doubled: 0,
    })
  })

  it.each<[string, Twin, { lost: number; doubled: number }]>([
    ['a number without a sample', { samples: [1, 3], minutes: 2 }, { lost: 1, doubled: 0 }],
    [
      'a sample that no minute counted',
      { samples: [1, 2, 3], minutes: 2 },
      { lost: 1, doubled: 0 },
    ],
    ['a number with two samples', { samples: [1, 2, 2, 3], minutes: 3 }, { lost: 0, doubled: 1 }],
    ['a sample counted twice', { samples: [1, 2, 3], minutes: 4 }, { lost: 0, doubled: 1 }],
    [
      'a number that was never sent',
      { samples: [1, 2, 3, 4], minutes: 3 },
      { lost: 0, doubled: 1 },
    ],
  ])('tells of %s', async (_what, twin, told) => {
    expect(await count({ a: twin }, 3)).toMatchObject(told)
  })

  it('is unknown, and no loss, where a twin cannot be asked', async () => {
    await expect(count({ a: { samples: [], minutes: 0, fails: 9 } }, 3)).rejects.toThrow('asked')
  })
})
