import { expect, it } from 'vitest'
import { remoteKeys } from './key-source.ts'

const set = { keys: [{ kty: 'RSA', kid: 'k1' }] }

function source() {
  const state = { now: 0, asked: 0, answer: async () => Response.json(set) }
  const accounts = {
    fetch: () => {
      state.asked += 1
      return state.answer()
    },
  } as unknown as Fetcher
  return { state, keys: remoteKeys(accounts, () => state.now).keys }
}

it('asks once in ten minutes, and for an unknown kid at most every ten seconds', async () => {
  const { state, keys } = source()
  await keys(false)
  await keys(true)
  state.now = 9_999
  await keys(true)
  expect(state.asked).toBe(1)
  state.now = 10_000
  await keys(true)
  expect(state.asked).toBe(2)
  state.now = 10_000 + 600_000
  await keys(false)
  expect(state.asked).toBe(3)
})

it('asks for a client in a token of ours at most every second', async () => {
  const { state, keys } = source()
  await keys(false)
  state.now = 999
  await keys('signed')
  expect(state.asked).toBe(1)
  state.now = 1_000
  await keys('signed')
  expect(state.asked).toBe(2)
})

it.each([
  ['throws', () => Promise.reject(new Error('no accounts'))],
  ['answers 503', async () => new Response(null, { status: 503 })],
])(
  'goes on with the keys it knows while accounts %s, and asks it at most every ten seconds',
  async (_, answer) => {
    const { state, keys } = source()
    await keys(false)
    state.answer = answer
    state.now = 600_000
    expect(await keys(false)).toEqual(set)
    expect(await keys(false)).toEqual(set)
    await expect(keys(true)).rejects.toThrow('accounts')
    expect(state.asked).toBe(2)
    state.answer = async () => Response.json(set)
    state.now = 610_000
    expect(await keys(true)).toEqual(set)
  },
)

it('rejects while accounts has never answered', async () => {
  const { state, keys } = source()
  state.answer = async () => new Response(null, { status: 503 })
  await expect(keys(false)).rejects.toThrow('503')
  state.answer = async () => Response.json(set)
  expect(await keys(false)).toEqual(set)
})
