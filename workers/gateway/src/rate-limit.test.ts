import { expect, it } from 'vitest'
import type { Env } from './context.ts'
import { withinLimit } from './rate-limit.ts'

/** Bindings that let `left` units through and count how often they are asked. */
function limiter(left: number) {
  const state = { asked: 0 }
  const binding = {
    limit: async () => {
      state.asked += 1
      return { success: state.asked <= left }
    },
  }
  const env = {
    RATE_LIMIT_AUTH: binding,
    RATE_LIMIT_API: binding,
    RATE_LIMIT_WEBHOOK: binding,
  } as unknown as Env
  return { state, env }
}

it('counts sign-ins one by one', async () => {
  const { state, env } = limiter(3)
  const answers = []
  for (let i = 0; i < 4; i++) answers.push(await withinLimit(env, 'auth', 'one by one', 0))
  expect([answers, state.asked]).toEqual([[true, true, true, false], 4])
})

it('asks for every hundredth of the other requests, and loses none of them at once', async () => {
  const { state, env } = limiter(2)
  const answers = await Promise.all(
    Array.from({ length: 300 }, () => withinLimit(env, 'api', 'hundredths', 0)),
  )
  expect([answers.filter((passed) => !passed).length, state.asked]).toEqual([1, 3])
})

it('remembers a refusal for ten seconds without asking again', async () => {
  const { state, env } = limiter(0)
  expect(await withinLimit(env, 'auth', 'refused', 1_000)).toBe(false)
  expect(await withinLimit(env, 'auth', 'refused', 10_999)).toBe(false)
  expect(state.asked).toBe(1)
  expect(await withinLimit(env, 'auth', 'refused', 11_000)).toBe(false)
  expect(state.asked).toBe(2)
})

it('counts each caller and each class for itself', async () => {
  const { env } = limiter(1)
  expect(await withinLimit(env, 'auth', 'a', 0)).toBe(true)
  expect(await withinLimit(env, 'auth', 'a', 0)).toBe(false)
  expect(await withinLimit(env, 'api', 'a', 0)).toBe(true)
})
