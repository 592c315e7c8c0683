import type { WorkerSource } from '../launcher/worker-config.ts'
import type { Problem } from './source-file.ts'

/** The one queue whose messages have nowhere further to go. */
const LAST_QUEUE = /(^|-)dead-letters$/

/** Requirement A17: a database belongs to one Worker, which alone binds it. */
export function checkDatabaseOwnership(workers: readonly WorkerSource[]): Problem[] {
  const owners = new Map<string, string>()
  return workers.flatMap(({ role, config }) =>
    (config.d1_databases ?? []).flatMap(({ database_name, database_id }) =>
      [database_name, ...(database_id === undefined ? [] : [`id ${database_id}`])].flatMap(
        (key) => {
          const owner = owners.get(key) ?? role
          owners.set(key, owner)
          return owner === role ? [] : [`${role}: the database ${key} belongs to ${owner}`]
        },
      ),
    ),
  )
}

/** Design rule 2: only the gateway can be reached from outside. */
export function checkPublicWorkers(workers: readonly WorkerSource[]): Problem[] {
  return workers
    .filter(({ role }) => role !== 'gateway')
    .flatMap(({ role, config }) => [
      ...(config.workers_dev === false ? [] : [`${role}: workers_dev must be false`]),
      ...(config.preview_urls === false ? [] : [`${role}: preview_urls must be false`]),
      ...(config.route === undefined && (config.routes ?? []).length === 0
        ? []
        : [`${role}: only the gateway has routes`]),
    ])
}

/**
 * The platform's defaults differ between production and a developer's machine, so every consumer states its batch,
 * its wait, its retries and where its dead letters go.
 */
export function checkQueueConsumers(workers: readonly WorkerSource[]): Problem[] {
  return workers.flatMap(({ role, config }) =>
    (config.queues?.consumers ?? []).flatMap((consumer) => {
      const missing = (['max_batch_size', 'max_batch_timeout', 'max_retries'] as const)
        .filter((key) => typeof consumer[key] !== 'number')
        .map((key) => `${role}: the consumer of ${consumer.queue} has no ${key}`)
      const letters = consumer.dead_letter_queue
      if (LAST_QUEUE.test(consumer.queue)) {
        return letters === undefined
          ? missing
          : [...missing, `${role}: ${consumer.queue} may not have a dead_letter_queue`]
      }
      return letters !== undefined && LAST_QUEUE.test(letters)
        ? missing
        : [...missing, `${role}: the consumer of ${consumer.queue} has no dead_letter_queue`]
    }),
  )
}
