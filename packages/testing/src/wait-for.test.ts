import { expect, test } from 'vitest'
import { waitFor } from './wait-for.ts'

test('returns what the condition returned, once it is truthy', async () => {
  let asked = 0
  const value = await waitFor(() => (++asked === 3 ? 'here' : undefined), {
    what: 'the third question',
    intervalMs: 1,
  })
  expect(value).toBe('here')
})

test('takes a throw for "not yet"', async () => {
  let asked = 0
  const condition = () => {
    if (++asked < 3) throw new Error('connection refused')
    return true
  }
  expect(await waitFor(condition, { what: 'a connection', intervalMs: 1 })).toBe(true)
})

test('the error names what was waited for and the last value', async () => {
  const never = waitFor(() => 0, { what: 'the queue to be empty', timeoutMs: 20, intervalMs: 5 })
  await expect(never).rejects.toThrow('waited 20 ms for the queue to be empty; last seen: 0')
})

test('the error shows the last error', async () => {
  const failing = () => Promise.reject(new TypeError('no such thing'))
  await expect(waitFor(failing, { what: 'a thing', timeoutMs: 20, intervalMs: 5 })).rejects.toThrow(
    /TypeError: no such thing/,
  )
})

test('a condition that never settles does not outlast the deadline', async () => {
  const hanging = waitFor(() => new Promise<boolean>(() => {}), {
    what: 'a hanging server',
    timeoutMs: 30,
  })
  await expect(hanging).rejects.toThrow(/the condition did not answer/)
})
