import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type HarnessSystem, openDoors, startHarness, waitFor } from '../../src/index.ts'
import { getJson, postJson, smallSystem } from './small-system.ts'

describe('the harness', () => {
  let system: HarnessSystem
  const counter = { role: 'notes', className: 'Counter', name: 'the one' }

  beforeAll(async () => {
    system = await startHarness({ root: smallSystem, vars: { GREETING: 'good day' } })
  })
  afterAll(() => system.stop())

  test('answers at its address with the variables of a test, and PUBLIC_URL is that address', async () => {
    expect(await getJson(`${system.url}/self`)).toMatchObject({
      environment: 'test',
      greeting: 'good day',
      publicUrl: system.url,
      secretLength: 43,
    })
  })

  test('has every migration applied and shows the databases', async () => {
    expect(await postJson(`${system.url}/notes`, 'one')).toEqual(['one'])
    const database = await system.database('notes')
    expect(await database.prepare('SELECT count(*) AS n FROM changes').first('n')).toBe(1)
  })

  test('shows bindings, objects and their storage, and evicts an object without losing it', async () => {
    expect(await postJson(`${system.url}/count`)).toEqual({ stored: 1, sinceBorn: 1 })
    expect(await system.listObjects('notes', 'Counter')).toHaveLength(1)
    await system.evict(counter)
    expect(await postJson(`${system.url}/count`)).toEqual({ stored: 2, sinceBorn: 1 })
    const storage = await system.storage(counter)
    expect(await storage.exec('SELECT count(*) AS n FROM count')).toEqual([{ n: 2 }])
    expect(await system.env('gateway')).toHaveProperty('NOTES')
  })

  test('clients can be cut off from it', async () => {
    system.proxy.mode = 'refuse'
    await expect(fetch(`${system.url}/self`)).rejects.toThrow()
    system.proxy.mode = 'ok'
    expect(await getJson(`${system.url}/health/ready`)).toEqual({ status: 'ok' })
  })

  test('without doors nothing answers at theirs', async () => {
    await expect(openDoors(system).wake('COUNTER', 'the one')).rejects.toThrow(/answered 200/)
  })

  test('asking for a Worker or a database that does not exist names it', async () => {
    expect(() => system.env('nobody')).toThrow('there is no Worker nobody')
    await expect(async () => system.database('gateway')).rejects.toThrow(
      'the Worker gateway has no database',
    )
  })
})

test('a variable that no Worker declares is refused by name', async () => {
  await expect(startHarness({ root: smallSystem, vars: { GREETNIG: 'typo' } })).rejects.toThrow(
    'no wrangler.toml declares the variable GREETNIG',
  )
})

describe('the test-only doors', () => {
  let system: HarnessSystem
  let doors: ReturnType<typeof openDoors>

  beforeAll(async () => {
    system = await startHarness({ root: smallSystem, doors: true })
    doors = openDoors(system)
  })
  afterAll(() => system.stop())

  test('a timer fires when the clock of its object is turned that far, and not before', async () => {
    await postJson(`${system.url}/remind`)
    await doors.wake('COUNTER', 'the one')
    await doors.advance('COUNTER', 'the one', 3_500_000)
    expect(await getJson(`${system.url}/reminded`)).toBe(0)
    await doors.advance('COUNTER', 'the one', 100_000)
    await waitFor(async () => (await getJson(`${system.url}/reminded`)) === 1, {
      what: 'the alarm of an hour later',
    })
  })

  test('a crash takes the memory of an object and leaves its storage', async () => {
    await postJson(`${system.url}/count`)
    const before = await postJson(`${system.url}/count`)
    expect(before).toEqual({ stored: 2, sinceBorn: 2 })
    await doors.crash('COUNTER', 'the one')
    expect(await postJson(`${system.url}/count`)).toEqual({ stored: 3, sinceBorn: 1 })
  })

  test('what is no door answers 404, and a length that is no number 422', async () => {
    await expect(doors.wake('NOTHING', 'x')).rejects.toThrow(/answered 404/)
    await expect(doors.wake('COUNTER', 'a/b')).resolves.toBeUndefined()
    await expect(doors.advance('COUNTER', 'x', -1)).rejects.toThrow(/answered 422/)
  })
})
