import type { JournalStorage } from '../../journal/index.ts'

/** Gives twins that were made before them what the registry keeps of each, and their rules what rules keep. */
export function addRegistryFields(exec: JournalStorage['exec']): void {
  exec(`UPDATE object SET state = json_set(state,
    '$.details.tags', json('[]'), '$.details.inactivityTimeoutSeconds', NULL, '$.active', json('true'),
    '$.rules', (SELECT json_group_array(json_set(rule.value, '$.pendingSince', NULL))
      FROM json_each(object.state, '$.rules') AS rule))
    WHERE json_type(state, '$.active') IS NULL`)
}
