import { expect, test } from 'vitest'
import { pageOf } from './list-page.ts'

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
