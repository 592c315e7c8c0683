import { describe, expect, it } from 'vitest'
import { StatsFeed } from './stats-feed.ts'

function feed() {
  const clock = { now: 0 }
  const told: number[] = []
  const timers: { at: number; run: () => void }[] = []
  const stats = new StatsFeed(
    () => told.push(clock.now),
    () => clock.now,
    (run, ms) => timers.push({ at: clock.now + ms, run }),
  )
  /** Turns the clock, timers ringing on the way. */
  const turn = (to: number) => {
    for (const timer of timers.splice(0)) {
      if (timer.at > to) timers.push(timer)
      else {
        clock.now = timer.at
        timer.run()
      }
    }
    clock.now = to
  }
  return { stats, told, turn, timers }
}

describe('the feed of numbers', () => {
  it('tells the first change at once and has no timer afterwards', () => {
    const { stats, told, timers } = feed()
    stats.changed()
    expect([told, timers]).toEqual([[0], []])
  })

  it('tells at most four times a second, and always the last change', () => {
    const { stats, told, turn } = feed()
    for (let now = 0; now <= 1_990; now += 10) {
      turn(now)
      stats.changed()
    }
    turn(5_000)
    expect(told).toEqual([0, 250, 500, 750, 1_000, 1_250, 1_500, 1_750, 2_000])
  })
})
