import { expect, test } from 'vitest'
import { pageOf, signedList } from './list-page.ts'
import type { ResponseContext } from './respond.ts'

const read = (...ids: number[]) =>
  pageOf(
    ids.map((id) => ({ id })),
    2,
    ({ id }) => `item ${id}`,
    ({ id }) => [id],
  )

test('a page that has one row more behind it tells where the next one begins', () => {
  expect(read(1, 2, 3)).toEqual({ items: ['item 1', 'item 2'], next: [2] })
})

test('a last page leads nowhere, full or not', () => {
  expect(read(1, 2)).toEqual({ items: ['item 1', 'item 2'] })
  expect(read()).toEqual({ items: [] })
})

/** A list as one account asks for it. */
const listOf = (id: string, name: string, filters: readonly unknown[], key = 'a-key') => {
  const c = {
    var: { requestId: 'r', principal: { id } },
    req: { url: 'https://edge.test/things?status=open&limit=2' },
    header: () => undefined,
  }
  return signedList<[number, string]>(c as unknown as ResponseContext, key, name, filters)
}
const mine = () => listOf('ada', 'things', [{ status: 'open', queueId: undefined }])
const cursorOf = async (next: [number, string]) =>
  (await mine().page({ items: [], next })).meta.nextCursor ?? ''

test('a cursor goes on in the list of the same account and filters', async () => {
  expect(await mine().after(await cursorOf([7, 'id-7']))).toEqual([7, 'id-7'])
  expect(await mine().after(undefined)).toBeUndefined()
})

test.each([
  ['account', listOf('bob', 'things', [{ status: 'open' }])],
  ['list', listOf('ada', 'others', [{ status: 'open' }])],
  ['filter', listOf('ada', 'things', [{ status: 'closed' }])],
  ['filter beside it', listOf('ada', 'things', [{ status: 'open', queueId: 'q' }])],
  ['number of filters', listOf('ada', 'things', [])],
  ['key', listOf('ada', 'things', [{ status: 'open' }], 'another-key')],
])('a cursor is refused with another %s', async (_, other) => {
  const cursor = await cursorOf([7, 'id-7'])
  await expect(other.after(cursor)).rejects.toMatchObject({ code: 'validation_failed' })
})

test('a cursor is refused with any letter changed, cut or added', async () => {
  const cursor = await cursorOf([7, 'id-7'])
  const forged = [...cursor].map(
    (letter, at) => `${cursor.slice(0, at)}${letter === 'A' ? 'B' : 'A'}${cursor.slice(at + 1)}`,
  )
  for (const one of [
    ...forged,
    cursor.slice(0, -1),
    `${cursor}A`,
    `${cursor}.`,
    `${cursor}=`,
    '.',
    '',
  ])
    await expect(mine().after(one)).rejects.toMatchObject({ code: 'validation_failed' })
})
