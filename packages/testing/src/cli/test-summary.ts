import { z } from 'zod'

/** What is read of vitest's JSON report. A file that cannot be loaded is a failed suite without tests. */
const Report = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.unknown()) })),
})

export interface Summary {
  /** `12 passed, 0 failed` */
  line: string
  exitCode: number
}

/**
 * One line that a machine can read. Never says "0 failed" about a run that failed.
 *
 * @param report vitest's JSON report, `undefined` when there is none
 * @param exitCode vitest's own
 */
export function summarize(report: unknown, exitCode: number): Summary {
  const read = Report.safeParse(report)
  if (!read.success) return { line: '0 passed, 1 failed', exitCode: exitCode || 1 }
  const { numPassedTests, numFailedTests, testResults } = read.data
  const unloaded = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  ).length
  const counted = numFailedTests + unloaded
  const failed = exitCode === 0 ? counted : Math.max(1, counted)
  return {
    line: `${numPassedTests} passed, ${failed} failed`,
    exitCode: failed === 0 ? 0 : exitCode || 1,
  }
}
