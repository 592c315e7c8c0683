/** What a suite found. */
export interface Finding {
  what: string
  /** What was measured, with its unit. */
  measured: string
  /** Left out for what is only shown. */
  goal?: string
  met?: boolean
}

/** Prints a table; the figures go to documents by hand, with the machine they were measured on. */
export function print(findings: readonly Finding[], write: (text: string) => void): void {
  const rows = [
    ['what', 'measured', 'goal', ''],
    ...findings.map((f) => [f.what, f.measured, f.goal ?? '', verdict(f)]),
  ]
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  for (const row of rows)
    write(
      `${row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    )
}

const verdict = ({ met }: Finding): string => (met === undefined ? '' : met ? 'met' : 'MISSED')
