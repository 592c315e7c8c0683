import { expect, test } from 'vitest'
import { csvLine, csvStream } from '../../src/csv.ts'

test('cells with commas, quotes and line breaks are quoted (RFC 4180 §2)', () => {
  expect(csvLine(['a,b', 'say "hi"', 'two\nlines', 7, null])).toBe(
    '"a,b","say ""hi""","two\nlines",7,\r\n',
  )
})

test('texts that a spreadsheet would take for formulas are neutralised', () => {
  expect(csvLine(['=1+1', '+12025550101', '-x', '@x', '\tx', '\rx', -5])).toBe(
    `'=1+1,'+12025550101,'-x,'@x,'\tx,"'\rx",-5\r\n`,
  )
})

test('a stream asks for a page only when its reader wants more', async () => {
  let asked = 0
  async function* pages() {
    for (const page of [[['1']], [['2'], ['3']]]) {
      asked += 1
      yield page
    }
  }
  expect(await new Response(csvStream(['n'], pages())).text()).toBe('n\r\n1\r\n2\r\n3\r\n')
  expect(asked).toBe(2)
})
