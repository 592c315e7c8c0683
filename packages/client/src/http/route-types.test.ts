import { auth, calls, type operations, users } from '@menagerie/contracts/routes'
import { expectTypeOf, test } from 'vitest'
import type { Client } from './client.ts'
import type { Answer } from './route-types.ts'

/** Never run: the compiler is the test, and an error that is expected and missing fails it. */
async function wrongCalls(client: Client) {
  // @ts-expect-error a body is missing
  await client.call(calls.start)
  // @ts-expect-error `to` is missing
  await client.call(calls.start, { body: {} })
  // @ts-expect-error `to` is a text
  await client.call(calls.start, { body: { to: 1 } })
  // @ts-expect-error an unknown field
  await client.call(calls.start, { body: { to: '+12025550101', too: 1 } })
  // @ts-expect-error params are missing
  await client.call(calls.get)
  // @ts-expect-error a wrong param
  await client.call(calls.get, { params: { callId: 'x' } })
  // @ts-expect-error an unknown status
  await client.call(calls.history, { query: { status: 'lost' } })
  // @ts-expect-error a page has a number of rows
  await client.call(calls.history, { query: { limit: true } })
  // @ts-expect-error this route has no body
  await client.call(users.profile, { body: {} })
  await client.call(calls.history)
  await client.call(calls.history, { query: { limit: 10, status: 'busy' } })
  await client.call(auth.logout)
}

test('a wrong body, param or query is a compile error', () => {
  expectTypeOf(wrongCalls).returns.resolves.toBeVoid()
})

test('an answer has the type of its 2xx schema', () => {
  expectTypeOf<Answer<typeof calls.start>['data']['room']['ticket']>().toBeString()
  expectTypeOf<Answer<typeof users.list>['data'][number]['status']>().toEqualTypeOf<
    'pending' | 'active' | 'disabled'
  >()
  expectTypeOf<Answer<typeof auth.logout>>().toBeUndefined()
  expectTypeOf<Answer<typeof operations.metrics>>().toBeString()
  expectTypeOf<Answer<typeof calls.history>>().extract<string>().toBeString()
})
