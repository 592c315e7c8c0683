/** Waits for a condition, asked after every few milliseconds. @throws Error that names it after `timeoutMs` */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Gives everything that is under way on loopback the time to arrive, to see that something does not. */
export const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100))
