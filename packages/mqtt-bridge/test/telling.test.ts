import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import {
  aBridgeForEachTest,
  bridge,
  broker,
  edge,
  isReady,
  lines,
  numbered,
  start,
  topicOf,
} from './bridge-rig.ts'
import { waitUntil } from './wait-until.ts'

aBridgeForEachTest()

describe('the page of metrics', () => {
  it('holds the bridge’s series and the gateway’s', async () => {
    const { metricsUrl } = await start()
    broker.deliver(topicOf('a'), numbered(1, 10))
    await waitUntil('all are acknowledged', () => broker.kept === 0)
    const page = await (await fetch(`${metricsUrl}/metrics`)).text()
    expect(page).toMatch(/^mqtt_messages_total\{direction="up",qos="1"\} 10$/m)
    expect(page).toMatch(/^mqtt_bridge_lag_seconds_count 10$/m)
    expect(page).toMatch(/^build_info\{version="1"\} 1$/m)
  })

  const promtool = findPromtool()
  it(
    promtool ? 'is accepted by promtool' : 'ends with a line feed (no promtool here)',
    async () => {
      const { metricsUrl } = await start()
      await waitUntil('the bridge is ready', isReady)
      const page = await (await fetch(`${metricsUrl}/metrics`)).text()
      expect(page.endsWith('\n')).toBe(true)
      if (promtool) execFileSync(promtool, ['check', 'metrics'], { input: page })
    },
  )
})

it('writes no secret to its log', async () => {
  await start()
  await waitUntil('the bridge is ready', isReady)
  await bridge?.stop()
  expect(lines.join()).not.toMatch(/canary-secret|token-\d|"password":"(?!\[masked)/)
})

function findPromtool(): string | undefined {
  try {
    execFileSync('promtool', ['--version'], { stdio: 'ignore' })
    return 'promtool'
  } catch {
    return undefined
  }
}

it('warns once of what keeps it from working, such as a wrong secret, and not with each attempt', async () => {
  edge.refuseTokens = true
  await start()
  const warnings = () =>
    lines.filter((line) => line.includes('"warn"') && line.includes('gave no token'))
  const attempts = () => lines.filter((line) => line.includes('gave no token'))
  await waitUntil('it has tried several times', () => attempts().length >= 3)
  expect(warnings()).toHaveLength(1)
  expect(await isReady()).toBe(false)
  edge.refuseTokens = false
  await waitUntil('the bridge is ready', isReady)
})
