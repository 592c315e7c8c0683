import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ApiError } from '@menagerie/client'
import { z } from 'zod'
import { startAgent } from './agents/agent.ts'
import { totpCode } from './authenticator.ts'
import { type DeviceCounts, type DevicesOptions, startDevices } from './devices/devices.ts'

const usage = `npm run lab -- devices [--count 10] [--rate 1] [--seconds n] [--prefix lab]
                       [--sleep seconds] [--drops n] [--skew seconds]

  Registers devices {prefix}-1 and so on at the system that runs here, connects them over MQTT and lets each
  send so many measurements a second, until Ctrl-C or for so many seconds. They may sleep for --sleep seconds at
  a time, lose their connection --drops times a minute and have clocks that are off by up to --skew seconds.

npm run lab -- call --from +12025550142 --to +12025550100 [--hang-up-after 30]

  Somebody calls a number of the system that runs here, and hangs up after so many seconds, or when told to.

npm run lab -- agent [--talk 10] [--seconds n]

  The demo agent of the system that runs here is at work: takes every contact and every call, talks for so many
  seconds and hangs up, until Ctrl-C or for so many seconds.

npm run lab -- code [role]

  Prints what the authenticator app of a demo user shows now; the admin's unless a role is given.`

/** What the lab needs of `demo.json`, which `npm start` writes. */
const Demo = z.object({
  gateway: z.url(),
  mqtt: z.url().optional(),
  lab: z.url().optional(),
  mqttProtocol: z.union([z.literal(5), z.literal(4)]).optional(),
  users: z.array(
    z.object({
      role: z.string(),
      username: z.string(),
      password: z.string(),
      totpSecret: z.string().optional(),
    }),
  ),
})

/** A mistake of the person at the keyboard, or something they can put right. */
class UsageError extends Error {}

/**
 * The command line of the lab.
 *
 * @param args what stands behind `npm run lab --`
 * @returns the exit code: 0, 1 when something failed, 2 for arguments that are no good
 */
export async function runLab(args: string[]): Promise<number> {
  const stop = new AbortController()
  const end = () => stop.abort(new Error('stopped'))
  process.once('SIGINT', end)
  process.once('SIGTERM', end)
  try {
    const [command, ...rest] = args
    if (command === undefined || command === 'help' || args.some(asksForHelp)) {
      say(usage)
      return 0
    }
    if (command === 'devices') return await runDevices(rest, stop.signal)
    if (command === 'call') return await callIn(rest)
    if (command === 'agent') return await runAgent(rest, stop.signal)
    if (command === 'code') return showCode(rest)
    throw new UsageError(`Unknown command ${command}\n\n${usage}`)
  } catch (error) {
    if (stop.signal.aborted) return 0
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n`)
      return 2
    }
    process.stderr.write(`${explain(error)}\n`)
    return 1
  } finally {
    process.off('SIGINT', end)
    process.off('SIGTERM', end)
  }
}

const asksForHelp = (arg: string): boolean => arg === '--help' || arg === '-h'

async function runDevices(args: string[], signal: AbortSignal): Promise<number> {
  const { seconds, ...wanted } = readArguments(args)
  const dataDir = process.env.DATA_DIR || '.data'
  const options = { ...readTarget(dataDir), ...wanted, dataDir, say }
  say(`Registering ${options.count} devices at ${options.gatewayUrl}`)
  const devices = await startDevices(options, signal)
  if (devices.ids.length === 0) {
    await devices.stop()
    return 1
  }
  const { mqttUrl, ratePerSecond } = options
  say(
    `${devices.ids.length} devices send ${ratePerSecond} a second each to ${mqttUrl}; Ctrl-C ends it`,
  )
  const until = seconds === undefined ? Number.POSITIVE_INFINITY : Date.now() + seconds * 1000
  while (!signal.aborted && Date.now() < until) {
    const wait = Math.min(5_000, until - Date.now())
    await pause(wait, undefined, { signal }).catch(() => {})
    say(toLine(devices.counts()))
  }
  const counts = await devices.settle(10_000)
  await devices.stop()
  say(`Stopped. ${toLine(counts)}`)
  return devices.failed.length === 0 && counts.waiting === 0 ? 0 : 1
}

function readArguments(args: string[]) {
  const text = { type: 'string' } as const
  const numbers = { count: text, rate: text, seconds: text, sleep: text, drops: text, skew: text }
  const values = optionsOf(args, { ...numbers, prefix: text })
  const number = (name: keyof typeof numbers, fallback: string, max: number, kind = 'number') => {
    const value = Number(values[name] ?? fallback)
    if (!(value > 0 && value <= max) || (kind === 'whole number' && !Number.isInteger(value)))
      throw new UsageError(`--${name} must be a ${kind} above 0, at most ${max}\n\n${usage}`)
    return value
  }
  const prefix = values.prefix ?? 'lab'
  if (!/^[A-Za-z0-9_-]{1,50}$/.test(prefix))
    throw new UsageError('--prefix must be 1 to 50 letters, digits, _ or -')
  return {
    count: number('count', '10', 10_000, 'whole number'),
    ratePerSecond: number('rate', '1', 1_000),
    ...(values.seconds === undefined ? {} : { seconds: number('seconds', '', 1_000_000) }),
    ...(values.sleep === undefined ? {} : { sleepSeconds: number('sleep', '', 86_400) }),
    ...(values.drops === undefined ? {} : { dropsPerMinute: number('drops', '', 60) }),
    ...(values.skew === undefined ? {} : { skewSeconds: number('skew', '', 86_400) }),
    prefix,
  }
}

function optionsOf<T extends Record<string, { type: 'string' }>>(args: string[], options: T) {
  try {
    return parseArgs({ args, options }).values as { [K in keyof T]?: string }
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error}\n\n${usage}`)
  }
}

/** The demo agent is at work. */
async function runAgent(args: string[], signal: AbortSignal): Promise<number> {
  const text = { type: 'string' } as const
  const values = optionsOf(args, { talk: text, seconds: text })
  const talkSeconds = Number(values.talk ?? 10)
  const seconds = Number(values.seconds ?? Number.POSITIVE_INFINITY)
  if (!(talkSeconds >= 0 && talkSeconds <= 86_400 && seconds > 0))
    throw new UsageError(`--talk and --seconds must be numbers of seconds\n\n${usage}`)
  const { gateway, users } = readDemo(process.env.DATA_DIR || '.data')
  const user = users.find(({ role }) => role === 'agent')
  if (user === undefined) throw new UsageError('The system that ran here has no demo agent')
  const { username, password } = user
  const options = { gatewayUrl: gateway, username, password, talkSeconds, say }
  const agent = await startAgent(options, signal)
  const longest = 2 ** 31 - 1
  await pause(Math.min(seconds * 1000, longest), undefined, { signal }).catch(() => {})
  await agent.stop()
  return 0
}

/** Somebody calls a number of the system that runs here. */
async function callIn(args: string[]): Promise<number> {
  const text = { type: 'string' } as const
  const {
    from,
    to,
    'hang-up-after': after,
  } = optionsOf(args, {
    from: text,
    to: text,
    'hang-up-after': text,
  })
  const seconds = Number(after ?? 0)
  if (from === undefined || to === undefined || !(seconds >= 0 && seconds <= 86_400))
    throw new UsageError(`Give --from and --to, and at most a day to hang up after\n\n${usage}`)
  const { lab } = readDemo(process.env.DATA_DIR || '.data')
  if (lab === undefined)
    throw new UsageError('The system that ran here has no lab: start it again with npm start')
  const response = await fetch(`${lab}/carrier/inbound`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      from,
      to,
      ...(after === undefined ? {} : { hangUpAfterMs: Math.round(seconds * 1000) }),
    }),
  })
  const { sid, message } = z
    .object({ sid: z.string().optional(), message: z.string().optional() })
    .parse(await response.json())
  if (sid === undefined) throw new UsageError(message ?? `The lab answered ${response.status}`)
  say(`${from} calls ${to}: ${sid}`)
  say(`It ends with: curl -X POST ${lab}/carrier/calls/${sid}/hangup`)
  return 0
}

function showCode([role = 'admin', ...rest]: string[]): number {
  if (rest.length > 0) throw new UsageError(`Give one role at most\n\n${usage}`)
  const { users } = readDemo(process.env.DATA_DIR || '.data')
  const secret = users.find((user) => user.role === role)?.totpSecret
  if (secret === undefined) throw new UsageError(`The demo ${role} has no authenticator app`)
  say(totpCode(secret, Date.now()))
  return 0
}

/** What `npm start` wrote of the system that runs here. */
function readDemo(dataDir: string): z.infer<typeof Demo> {
  const path = join(dataDir, 'demo.json')
  if (!existsSync(path))
    throw new UsageError(`No system has run here (${path} is missing): start one with npm start`)
  const parsed = Demo.safeParse(JSON.parse(readFileSync(path, 'utf8')))
  if (!parsed.success)
    throw new UsageError(`${path} cannot be read: start the system again with npm start`)
  return parsed.data
}

/** Where it is, and who may register devices at it. */
function readTarget(dataDir: string): Omit<DevicesOptions, 'count'> {
  const { gateway, mqtt, mqttProtocol, users } = readDemo(dataDir)
  const admin = users.find(({ role }) => role === 'admin')
  if (admin?.totpSecret === undefined)
    throw new UsageError('The system that ran here has no demo admin with an authenticator app')
  if (mqtt === undefined || mqttProtocol === undefined)
    throw new UsageError(
      'The system that ran here has no MQTT broker: start it again with npm start',
    )
  const { username, password, totpSecret } = admin
  const account = { username, password, totpSecret }
  return { gatewayUrl: gateway, mqttUrl: mqtt, protocolVersion: mqttProtocol, ...account }
}

const toLine = ({ connected, asleep, made, confirmed, waiting, commands }: DeviceCounts): string =>
  [
    `${connected} connected`,
    ...(asleep === 0 ? [] : [`${asleep} asleep`]),
    `${made} made`,
    `${confirmed} confirmed`,
    `${waiting} waiting`,
    `${commands} commands`,
  ].join(' · ')

function explain(error: unknown): string {
  if (error instanceof ApiError) return error.message
  if (error instanceof TypeError && error.message === 'fetch failed')
    return 'The system does not answer: start it with npm start and leave it running'
  return error instanceof Error ? error.message : String(error)
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}
