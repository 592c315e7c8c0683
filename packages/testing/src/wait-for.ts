export interface WaitOptions {
  /** What is waited for, as it would end the sentence "waited for …". */
  what: string
  /** 10 s unless given. */
  timeoutMs?: number
  /** 50 ms unless given. */
  intervalMs?: number
}

/**
 * Waits until a condition holds, instead of sleeping.
 *
 * @param condition asked again and again; holds when it returns anything truthy. A throw counts as "not yet".
 * @returns what the condition returned
 * @throws Error that names `what` and the last value or error seen, after `timeoutMs`
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  { what, timeoutMs = 10_000, intervalMs = 50 }: WaitOptions,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs
  let last: unknown
  for (;;) {
    try {
      const value = await beforeDeadline(condition(), deadline)
      if (value) return value
      last = value
    } catch (error) {
      last = error
    }
    if (performance.now() + intervalMs > deadline) break
    await new Promise((resolve) => setTimeout(resolve, intervalMs))
  }
  throw new Error(`waited ${timeoutMs} ms for ${what}; last seen: ${describe(last)}`)
}

/** A condition that hangs, such as a request to a stopped process, must not outlast the deadline. */
async function beforeDeadline<T>(value: T | Promise<T>, deadline: number): Promise<T> {
  if (!(value instanceof Promise)) return value
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const left = Math.max(0, deadline - performance.now())
    timer = setTimeout(() => reject(new Error('the condition did not answer')), left)
  })
  try {
    return await Promise.race([value, late])
  } finally {
    clearTimeout(timer)
  }
}

function describe(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`
  if (typeof value === 'string') return value
  return JSON.stringify(value) ?? String(value)
}
