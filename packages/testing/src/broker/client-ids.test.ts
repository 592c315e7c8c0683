import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { repositoryRoot } from '../paths.ts'
import { mayUseClientId } from './client-ids.ts'
import { configWith } from './mosquitto-config.ts'
import { readConnect } from './read-connect.ts'

describe('a client id', () => {
  const devices = new Set(['d', 'd-7', 'menagerie', 'bridge.x'])
  const may = (username: string, clientId: string) =>
    mayUseClientId(username, clientId, ['bridge.x', 'admin.x'], devices)

  it('is free for its owner and, where nobody owns it, for everybody', () => {
    expect(may('d', 'd')).toBe(true)
    expect(may('d', 'd-1')).toBe(true)
    expect(may('d-7', 'd-7-a')).toBe(true)
    expect(may('d', 'mosq-abc')).toBe(true)
    expect(may('d', 'd2')).toBe(true)
    expect(may('d', '')).toBe(true)
  })

  it('of another device is refused, also one that begins with the own name', () => {
    expect(may('d-7', 'd')).toBe(false)
    expect(may('d-7', 'd-8')).toBe(false)
    expect(may('d', 'd-7')).toBe(false)
    expect(may('d', 'd-7-a')).toBe(false)
  })

  it('of a device is free for its second user name too', () => {
    expect(may('d~2', 'd')).toBe(true)
    expect(may('d~2', 'd-1')).toBe(true)
    expect(may('d~2', 'd-7')).toBe(false)
    expect(may('d-7~2', 'd')).toBe(false)
  })

  it("of the bridge is the bridge's, whatever a device is called", () => {
    expect(may('menagerie', 'menagerie-bridge')).toBe(false)
    expect(may('menagerie', 'menagerie-bridge-admin-1')).toBe(false)
    expect(may('d', 'bridge.x')).toBe(false)
    expect(may('bridge.x', 'menagerie-bridge')).toBe(true)
    expect(may('admin.x', 'menagerie-bridge-admin-1')).toBe(true)
  })
})

describe('the first packet of a connection', () => {
  const text = (value: string) => [0, value.length, ...Buffer.from(value)]
  const packet = (version: 4 | 5, flags: number, ...payload: number[]) => {
    const body = [...text('MQTT'), version, flags, 0, 60, ...(version === 5 ? [0] : []), ...payload]
    return Buffer.from([0x10, body.length, ...body])
  }

  it.each([4, 5] as const)('is read with a will and a user name (MQTT version %i)', (version) => {
    const will = [...(version === 5 ? [0] : []), ...text('topic'), ...text('gone')]
    const bytes = packet(
      version,
      0xc4,
      ...text('id'),
      ...will,
      ...text('user'),
      ...text('password'),
    )
    expect(readConnect(bytes)).toEqual({
      type: 'connect',
      connect: { protocolVersion: version, clientId: 'id', username: 'user' },
    })
    for (let end = 0; end < bytes.length; end++) {
      expect(readConnect(bytes.subarray(0, end))).toEqual({ type: 'more' })
    }
  })

  it('without a user name has none', () => {
    expect(readConnect(packet(4, 0x02, ...text('id')))).toMatchObject({
      connect: { clientId: 'id', username: undefined },
    })
  })

  it('is never more than malformed, whatever arrives (S113)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, begins) => {
        const all = Buffer.from(begins ? [0x10, ...bytes] : bytes)
        expect(['connect', 'more', 'malformed']).toContain(readConnect(all).type)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe("Mosquitto's configuration", () => {
  it('takes other values for options that the template has, and new ones at its end', () => {
    const config = configWith('# a comment\nlistener 1883 0.0.0.0\nmax_qos 1\n', {
      listener: '2000 127.0.0.1',
      user: 'somebody',
    })
    expect(config).toBe('# a comment\nlistener 2000 127.0.0.1\nmax_qos 1\n\nuser somebody\n')
  })

  it('names each option once in the template', () => {
    const path = join(repositoryRoot, 'packages/operations/mosquitto/mosquitto.conf')
    const options = readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('log_type'))
      .map((line) => line.split(' ', 1)[0])
    expect(new Set(options).size).toBe(options.length)
  })
})
