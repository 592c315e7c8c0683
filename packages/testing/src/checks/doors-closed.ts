import type { WorkerSource } from '../launcher/worker-config.ts'
import type { Problem, SourceFile } from './source-file.ts'

/** What only the test-only doors contain: their path and the name of what they mix into objects. */
export const DOOR_MARKS = ['__test', 'TestDoor']

/**
 * Design rule 7: production has no test-only doors.
 *
 * @param bundles the built Workers, as they would be deployed
 */
export function checkDoorsClosed(
  workers: readonly WorkerSource[],
  bundles: readonly SourceFile[],
): Problem[] {
  return [
    ...workers
      .filter(({ config }) => /(^|\/)doors\//.test(config.main) || config.main.includes('testing'))
      .map(({ role }) => `${role}: its main is a test-only door`),
    ...workers
      .filter(({ config }) => config.vars?.ENVIRONMENT === 'test')
      .map(({ role }) => `${role}: ENVIRONMENT is "test"`),
    ...bundles.flatMap(({ path, text }) =>
      DOOR_MARKS.filter((mark) => text.includes(mark)).map((mark) => `${path}: contains ${mark}`),
    ),
  ]
}
