/** What one cell holds. */
export type Cell = string | number | null

/**
 * One record of a CSV file (RFC 4180 §2), with its CRLF. A text that a spreadsheet would take for a formula gets a
 * `'` in front (OWASP, CSV Injection).
 */
export const csvLine = (cells: readonly Cell[]): string => `${cells.map(csvCell).join(',')}\r\n`

function csvCell(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return String(cell)
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

type Page = readonly (readonly Cell[])[]

/**
 * A CSV file as a stream: its header, then page after page as fast as the reader takes them.
 *
 * @param first what `pages` gave first
 */
export function csvStream(
  header: readonly string[],
  first: IteratorResult<Page>,
  pages: AsyncIterator<Page>,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  const text = (lines: Page): Uint8Array => encoder.encode(lines.map(csvLine).join(''))
  return new ReadableStream({
    start(controller) {
      controller.enqueue(text([header, ...(first.done ? [] : first.value)]))
    },
    async pull(controller) {
      const page = await pages.next()
      if (page.done) return controller.close()
      controller.enqueue(text(page.value))
    },
    async cancel() {
      await pages.return?.()
    },
  })
}
