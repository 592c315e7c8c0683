import type { JsonObject } from '@menagerie/core'
import { beforeEach, describe, expect, it } from 'vitest'
import type { DeviceMessage } from '../../src/device-twin/twin-types.ts'
import { deviceId, World } from './world.ts'

const at = Date.parse('2026-11-21T10:00:00Z') / 1000
const prefix = `$aws/things/${deviceId}/shadow/`
const person = { id: 'ann' } as Parameters<World['document']['patch']>[0]

let world: World
let arrivals = 0
beforeEach(() => {
  world = new World()
})

type Action = 'get' | 'update' | 'delete'

/** A message with a time of arrival of its own, as the bridge gives it. */
function shadow(action: Action, payload: unknown = ''): DeviceMessage {
  const micros = String(arrivals++).padStart(6, '0')
  return {
    topic: `${prefix}${action}`,
    of: { kind: 'shadow', action },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    qos: 1,
    receivedAt: `2026-11-21T09:59:59.${micros}Z`,
  }
}

const native = (kind: 'reported' | 'get', payload: JsonObject): DeviceMessage => ({
  ...shadow('get', payload),
  topic: `v1/devices/${deviceId}/twin/${kind}`,
  of: { kind },
})

/** What leaves for the device because of some work, by topic. */
async function told(work: () => unknown): Promise<[topic: string, payload: JsonObject][]> {
  const known = world.sent.length
  work()
  await world.alarm()
  return world.sent
    .slice(known)
    .map(({ topic, payload }) => [topic.replace(prefix, ''), payload as JsonObject])
}

const ask = (action: Action, payload?: unknown) =>
  told(() => {
    expect(world.take([shadow(action, payload)])?.results).toEqual([{ result: 'stored' }])
  })

const patch = (desired: JsonObject) =>
  told(() => {
    const patched = world.document.patch(
      person,
      'http',
      { key: null, patch: { desired }, ifMatch: null },
      {},
    )
    expect(patched.ok).toBe(true)
  })

const stamp = { timestamp: at }

describe('an update', () => {
  it('is answered with what it asked, then told as both documents and the difference', async () => {
    const asked = {
      state: {
        desired: { color: 'red', rgb: [1, 2], deep: { a: 1 } },
        reported: { color: 'blue' },
      },
      clientToken: 'token-1',
    }
    expect(await ask('update', asked)).toEqual([
      [
        'update/accepted',
        {
          state: asked.state,
          metadata: {
            desired: { color: stamp, rgb: stamp, deep: { a: stamp } },
            reported: { color: stamp },
          },
          version: 1,
          timestamp: at,
          clientToken: 'token-1',
        },
      ],
      // The native tree knows of it too.
      [`v1/devices/${deviceId}/twin/delta`, expect.objectContaining({ version: 1 })],
      [
        'update/documents',
        {
          previous: { state: {}, metadata: {}, version: 0 },
          current: {
            state: asked.state,
            metadata: {
              desired: { color: stamp, rgb: stamp, deep: { a: stamp } },
              reported: { color: stamp },
            },
            version: 1,
          },
          timestamp: at,
          clientToken: 'token-1',
        },
      ],
      [
        'update/delta',
        {
          state: { color: 'red', rgb: [1, 2], deep: { a: 1 } },
          metadata: { color: stamp, rgb: stamp, deep: { a: stamp } },
          version: 1,
          timestamp: at,
          clientToken: 'token-1',
        },
      ],
    ])
  })

  it('tells no difference once the device reports what is desired', async () => {
    await ask('update', { state: { desired: { on: true, n: 1 } } })
    const topics = (await ask('update', { state: { reported: { on: true } } })).map(([t]) => t)
    expect(topics).toEqual(['update/accepted', 'update/documents', 'update/delta'])
    const last = (await ask('update', { state: { reported: { n: 1 } } })).map(([t]) => t)
    expect(last).toEqual(['update/accepted', 'update/documents'])
  })

  it('deletes fields and whole sections by null, and does not end the shadow by that', async () => {
    await ask('update', { state: { desired: { a: 1, b: { c: 1 } }, reported: { a: 1 } } })
    await ask('update', { state: { desired: { b: { c: null } } } })
    expect(world.state.twin.desired).toEqual({ a: 1, b: {} })
    const [accepted] = await ask('update', { state: { desired: null, reported: { a: null } } })
    expect(accepted).toEqual([
      'update/accepted',
      {
        state: { desired: null, reported: { a: null } },
        metadata: { reported: {} },
        version: 3,
        timestamp: at,
      },
    ])
    expect(await ask('get')).toEqual([
      ['get/accepted', { state: {}, metadata: {}, version: 3, timestamp: at }],
    ])
  })

  it('that changes nothing keeps the version, and repeats what is still wanted', async () => {
    await ask('update', { state: { desired: { a: 1 } } })
    expect(await ask('update', { state: { desired: { a: 1 } } })).toEqual([
      ['update/accepted', expect.objectContaining({ version: 1 })],
      ['update/delta', expect.objectContaining({ version: 1, state: { a: 1 } })],
    ])
  })

  it('with nothing in it begins a shadow', async () => {
    expect(await ask('update', { state: {} })).toEqual([
      ['update/accepted', { state: {}, metadata: {}, version: 1, timestamp: at }],
      ['update/documents', expect.objectContaining({ timestamp: at })],
    ])
    expect((await ask('get'))[0]?.[0]).toBe('get/accepted')
  })

  it('of as many fields as a section holds is taken and told', async () => {
    const names = Array.from({ length: 36 }, (_, n) => n.toString(36))
    const fields = Object.fromEntries(names.map((name) => [name, 1]))
    const section = Object.fromEntries(names.slice(0, 35).map((name) => [name, fields]))
    const [accepted] = await ask('update', { state: { desired: section, reported: {} } })
    expect(accepted?.[0]).toBe('update/accepted')
    const told = await patch(Object.fromEntries(names.slice(0, 35).map((name) => [name, { 0: 2 }])))
    expect(told.at(-1)?.[0]).toBe('update/delta')
    // What the broker takes in one packet.
    for (const [, payload] of told) expect(JSON.stringify(payload).length).toBeLessThan(256 * 1024)
  })

  it('from another version is refused: 409, and nothing changes', async () => {
    await ask('update', { state: { desired: { a: 1 } } })
    const stale = { state: { desired: { a: 2 } }, version: 7, clientToken: 't' }
    expect(await ask('update', stale)).toEqual([
      [
        'update/rejected',
        { code: 409, message: 'Version conflict', timestamp: at, clientToken: 't' },
      ],
    ])
    expect(world.state.twin).toMatchObject({ version: 1, desired: { a: 1 } })
    expect((await ask('update', { ...stale, version: 1 }))[0]?.[1]).toMatchObject({ version: 2 })
  })

  it('that comes again with the version it was made from is told what it was told before', async () => {
    await ask('update', { state: { desired: { a: 1 } } })
    const update = { state: { desired: { a: 2 } }, version: 1, clientToken: 't' }
    const [first] = await ask('update', update)
    const [second] = await ask('update', update)
    expect(first).toEqual(second)
    await ask('update', { state: { desired: { b: 1 } } })
    // Another step has been made since: what it says of the version is wrong now.
    expect((await ask('update', update))[0]?.[1]).toMatchObject({ code: 409 })
  })
})

describe('a request', () => {
  const deep = (levels: number): JsonObject => (levels === 1 ? { x: 1 } : { in: deep(levels - 1) })

  it.each([
    ['update', 'not json', 400, 'Invalid JSON'],
    ['update', '', 400, 'Invalid JSON'],
    ['update', [], 400, 'Invalid JSON'],
    ['get', '{', 400, 'Invalid JSON'],
    ['delete', '{', 400, 'Invalid JSON'],
    ['update', {}, 400, 'Missing required node: state'],
    ['update', { state: null }, 400, 'State node must be an object'],
    ['update', { state: { desired: 1 } }, 400, 'Desired node must be an object'],
    ['update', { state: { reported: [] } }, 400, 'Reported node must be an object'],
    ['update', { state: { delta: {} } }, 400, 'State contains an invalid node'],
    [
      'update',
      '{"state":{"desired":{"__proto__":{"a":1}}}}',
      400,
      'State contains an invalid node',
    ],
    ['update', '{"state":{"__proto__":{"a":1}}}', 400, 'State contains an invalid node'],
    ['update', { state: {}, version: '1' }, 400, 'Invalid version'],
    ['update', { state: {}, version: -1 }, 400, 'Invalid version'],
    ['update', { state: {}, clientToken: 1 }, 400, 'Invalid clientToken'],
    ['update', { state: {}, clientToken: 'é'.repeat(33) }, 400, 'Invalid clientToken'],
    [
      'update',
      { state: { desired: deep(9) } },
      400,
      'JSON contains too many levels of nesting; maximum is 8',
    ],
    [
      'update',
      { state: { desired: { text: 'x'.repeat(8_192) } } },
      413,
      'The payload exceeds the maximum size allowed',
    ],
    ['get', '', 404, `No shadow exists with name: '${deviceId}'`],
    ['delete', '', 404, `No shadow exists with name: '${deviceId}'`],
  ] as const)(
    '%s %j is refused with %d %s, and recorded nowhere',
    async (action, sent, code, message) => {
      const answers = await ask(action, sent)
      expect(answers).toEqual([[`${action}/rejected`, { code, message, timestamp: at }]])
      expect(world.state.twin.version).toBe(0)
      expect(world.storage.exec('SELECT 1 FROM rejections')).toEqual([])
    },
  )

  it('that is no UTF-8 or too large for a message is refused: 415, 413', async () => {
    const unread = (bytes: number): DeviceMessage => ({
      ...shadow('update'),
      payload: null,
      refused: { beginning: '', encoding: 'base64', bytes },
    })
    expect(await told(() => world.take([unread(3)]))).toEqual([
      ['update/rejected', expect.objectContaining({ code: 415 })],
    ])
    expect(await told(() => world.take([unread(1_000_000)]))).toEqual([
      ['update/rejected', expect.objectContaining({ code: 413 })],
    ])
  })

  it('is taken once however often the bridge brings it, and does not undo what came after it', async () => {
    const message = shadow('update', { state: { desired: { a: 1 } } })
    await told(() => world.take([message]))
    await patch({ a: 2 })
    world.evict()
    expect(await told(() => world.take([message, message]))).toEqual([])
    expect(world.state.twin).toMatchObject({ version: 2, desired: { a: 2 } })
  })

  it('is answered whatever write the object dies at', async () => {
    const message = shadow('update', { state: { desired: { a: 1 } }, clientToken: 't' })
    for (let points = 0; ; points++) {
      world = new World()
      const taken = world.take([message], points)
      if (taken === undefined) expect([0, 1]).toContain(world.state.twin.version)
      const again = world.take([message])
      expect(again?.results[0]?.result).toMatch(/stored|duplicate/)
      await world.alarm()
      const answers = world.sent.filter(({ topic }) => topic.endsWith('/accepted'))
      expect([answers.length, world.state.twin.version]).toEqual([1, 1])
      if (taken === undefined) continue
      expect(points).toBeGreaterThan(10)
      return
    }
  })

  it('reads and changes in one batch are answered in the order they came', async () => {
    const answers = await told(() =>
      world.take([
        shadow('get'),
        shadow('update', { state: { reported: { a: 1 } } }),
        shadow('get'),
        shadow('delete'),
        shadow('get'),
      ]),
    )
    expect(answers.map(([topic]) => topic).filter((topic) => !topic.endsWith('documents'))).toEqual(
      ['get/rejected', 'update/accepted', 'get/accepted', 'delete/accepted', 'get/rejected'],
    )
  })
})

describe('a deleted shadow', () => {
  it('is gone, and its version goes on', async () => {
    await ask('update', { state: { desired: { a: 1 }, reported: { a: 2 } } })
    expect(await ask('delete', { clientToken: 't' })).toEqual([
      ['delete/accepted', { version: 2, timestamp: at, clientToken: 't' }],
      [
        'update/documents',
        expect.objectContaining({ current: { state: {}, metadata: {}, version: 2 } }),
      ],
    ])
    expect((await ask('get'))[0]?.[1]).toMatchObject({ code: 404 })
    expect((await ask('delete'))[0]?.[1]).toMatchObject({ code: 404 })
    world.evict()
    expect((await ask('update', { state: { desired: { a: 1 } } }))[0]?.[1]).toMatchObject({
      version: 3,
    })
    expect((await ask('get'))[0]?.[1]).toMatchObject({ state: { desired: { a: 1 } } })
  })
})

describe('both trees', () => {
  it('are one document with one version', async () => {
    await patch({ a: 1 })
    expect(await ask('get')).toEqual([
      [
        'get/accepted',
        {
          state: { desired: { a: 1 }, delta: { a: 1 } },
          metadata: { desired: { a: stamp } },
          version: 1,
          timestamp: at,
        },
      ],
    ])
    const changed = await patch({ b: 2 })
    expect(changed.map(([topic]) => topic)).toEqual([
      `v1/devices/${deviceId}/twin/delta`,
      'update/documents',
      'update/delta',
    ])
    const reported = await told(() => world.take([native('reported', { state: { a: 1, b: 2 } })]))
    expect(reported.map(([topic]) => topic)).toEqual(['update/documents'])
    expect(world.state.twin.version).toBe(3)
  })

  it('say nothing on the AWS-compatible one to a device that never used it', async () => {
    const topics = (await patch({ a: 1 })).map(([topic]) => topic)
    expect(topics).toEqual([`v1/devices/${deviceId}/twin/delta`])
  })

  it('tell a device that comes online what is still wanted', async () => {
    await patch({ a: 1 })
    await ask('get')
    const online: DeviceMessage = {
      ...shadow('get', { state: 'online', session: 's1' }),
      topic: `v1/devices/${deviceId}/presence`,
      of: { kind: 'presence' },
    }
    expect(await told(() => world.take([online]))).toEqual([
      [`v1/devices/${deviceId}/twin/delta`, expect.objectContaining({ state: { a: 1 } })],
      ['update/delta', expect.objectContaining({ state: { a: 1 } })],
    ])
  })
})
