import { describe, expect, it } from 'vitest'
import { runProof } from './run-proof.ts'
import { control, proofRuns } from './runs.ts'

describe('npm run proof', () => {
  const never = new AbortController().signal

  it('names its runs when asked, and refuses one that it does not have', async () => {
    const said: string[] = []
    const say = (line: string) => said.push(line)
    expect(await runProof(['--help'], say, never)).toBe(0)
    expect(await runProof(['--quick', 'no-such-run'], say, never)).toBe(2)
    for (const text of said)
      for (const name of Object.keys(proofRuns(1))) expect(text).toContain(name)
  })

  it('plays the numbers of the promise in full, a tenth when it is quick', () => {
    expect(proofRuns(1)['bridge-kills']?.what).toBe(
      '100,000 messages, 100 kills of the bridge, 10 of workerd',
    )
    expect(proofRuns(0.1)['bridge-kills']?.what).toBe(
      '10,000 messages, 10 kills of the bridge, 1 of workerd',
    )
    expect(proofRuns(0.1)['broker-kills']?.what).toContain('3 kills of Mosquitto')
  })

  it('takes a control for caught only where it has lost some: nothing lost proves nothing, and all lost no more', () => {
    expect([0, 1, 999, 1_000].map((lost) => control(lost, 1_000).held)).toEqual([
      false,
      true,
      true,
      false,
    ])
  })
})
