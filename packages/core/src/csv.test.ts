import { expect, test, vi } from 'vitest'
import { csvLine, csvStream } from './csv.ts'

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
    for (const page of [[['1']], [['2'], ['3']], [['4']]]) {
      asked += 1
      yield page
    }
  }
  const rest = pages()
  const reader = csvStream(['n'], await rest.next(), rest).getReader()
  const decoder = new TextDecoder()
  await vi.waitFor(() => expect(asked).toBe(1))
  const chunks: string[] = []
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    chunks.push(decoder.decode(next.value))
    // One page ahead at most.
    expect(asked).toBeLessThanOrEqual(chunks.length + 1)
  }
  expect(chunks).toEqual(['n\r\n1\r\n', '2\r\n3\r\n', '4\r\n'])
})

test('a stream without a page is its header', async () => {
  async function* none(): AsyncGenerator<string[][]> {}
  const rest = none()
  expect(await new Response(csvStream(['n'], await rest.next(), rest)).text()).toBe('n\r\n')
})
