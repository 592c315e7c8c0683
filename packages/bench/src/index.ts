import { type Finding, print } from './report.ts'
import { assignment } from './suites/assignment.ts'
import { bridgeRate } from './suites/bridge-rate.ts'
import { profileRate } from './suites/profile-rate.ts'
import { resumeTimes } from './suites/resume-times.ts'
import { roomFanOut } from './suites/room-fan-out.ts'
import { signInRate } from './suites/sign-in-rate.ts'
import { startTimes } from './suites/start-times.ts'
import { testTime } from './suites/test-time.ts'
import { thousandCalls } from './suites/thousand-calls.ts'
import { tokenCheck } from './suites/token-check.ts'
import { userList } from './suites/user-list.ts'

const suites: Readonly<Record<string, () => Promise<Finding[]>>> = {
  profile: profileRate,
  bridge: bridgeRate,
  room: roomFanOut,
  calls: thousandCalls,
  assignment,
  resume: resumeTimes,
  tokens: tokenCheck,
  'sign-in': signInRate,
  users: userList,
  start: startTimes,
  test: testTime,
}

/** `npm run bench [-- name…]`: runs benchmarks by name, all of them without one, and prints what they found. */
async function bench(names: readonly string[]): Promise<void> {
  const unknown = names.find((name) => !(name in suites))
  if (unknown !== undefined) {
    throw new Error(`there is no benchmark ${unknown}; there are ${Object.keys(suites).join(', ')}`)
  }
  const findings: Finding[] = []
  for (const [name, suite] of Object.entries(suites)) {
    if (names.length > 0 && !names.includes(name)) continue
    write(`${name} …\n`)
    findings.push(...(await suite()))
  }
  print(findings, write)
}

const write = (text: string): void => {
  process.stdout.write(text)
}

try {
  await bench(process.argv.slice(2).filter((name) => name !== '--'))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
