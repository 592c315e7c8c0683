import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where an installed program is; Debian puts daemons where a plain user's PATH does not look. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

export interface MqttLogin {
  url: string
  protocolVersion: 4 | 5
  username: string
  password: string
}

/** A running `mosquitto_pub` or `mosquitto_sub`. */
export interface MqttProgram {
  readonly process: ChildProcess
  /** What it printed so far. */
  output(): string
  /** Lines it printed so far. */
  lines(): string[]
  /** Writes to its input. */
  write(text: string): void
  /** Its exit code, once it ended. */
  ended: Promise<number | null>
  /** SIGKILL, as a device that loses its power. */
  kill(): Promise<void>
}

/**
 * Starts one of Mosquitto's own clients against a broker.
 *
 * @param args all but address, version and login
 */
export function startMqttProgram(
  name: 'mosquitto_pub' | 'mosquitto_sub',
  login: MqttLogin,
  args: readonly string[],
): MqttProgram {
  const path = findProgram(name)
  if (path === undefined) throw new Error(`${name} is not installed`)
  const { hostname, port } = new URL(login.url)
  const child = spawn(path, [
    ...['-h', hostname, '-p', port],
    ...['-V', login.protocolVersion === 5 ? 'mqttv5' : 'mqttv311'],
    ...['-u', login.username, '-P', login.password],
    ...args,
  ])
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    process: child,
    output: () => output,
    lines: () => output.split('\n').filter((line) => line !== ''),
    write: (text) => child.stdin.write(text),
    ended,
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}
