import type { JsonObject } from '@menagerie/core'

/**
 * Carries out each row by itself, so that one whose receiver is away holds up no other. Where any failed they all come
 * again, which receivers take well.
 *
 * @throws what the first row that failed threw
 */
export async function eachRow<Task>(
  rows: readonly { body: JsonObject }[],
  carryOut: (task: Task) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = []
  for (const { body } of rows) {
    try {
      await carryOut(body as unknown as Task)
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
}
