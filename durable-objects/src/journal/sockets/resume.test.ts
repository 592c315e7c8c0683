import { expect, it } from 'vitest'
import { startAt } from './resume.ts'

it.each([
  ['without a number it goes on from the head', undefined, { cursor: 9, resumed: false }],
  ['a number that is kept is resumed', 4, { cursor: 4, resumed: true }],
  ['the base is the oldest number that can be resumed', 3, { cursor: 3, resumed: true }],
  ['an older one gets a snapshot', 2, { cursor: 9, resumed: false }],
  ['the head itself is resumed', 9, { cursor: 9, resumed: true }],
  ['a number of another history gets a snapshot', 10, { cursor: 9, resumed: false }],
])('%s', (_, asked, start) => {
  expect(startAt(asked, 3, 9)).toEqual(start)
})
