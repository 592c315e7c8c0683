export type Labels = Record<string, string>

/** The name of a label set: the same for the same labels in any order. */
export const labelKey = (labels: Labels): string =>
  JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))

/** The labels of a key that `labelKey` made. */
export const labelsOfKey = (key: string): Labels =>
  Object.fromEntries(JSON.parse(key) as [string, string][])

/** Label sets kept for each series; every further one is counted under `other`. */
export const MAX_LABEL_SETS = 1000

/**
 * Where a series is full, all that is new is counted as one: the total stays right, and a flood of made-up values
 * cannot fill the storage or the scraper.
 *
 * @param known whether this label set stands already
 * @param count how many stand
 */
export function limitLabels(labels: Labels, known: boolean, count: number): Labels {
  if (known || count < MAX_LABEL_SETS) return labels
  return Object.fromEntries(Object.keys(labels).map((name) => [name, 'other']))
}
