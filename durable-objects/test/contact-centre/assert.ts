/** @throws Error when a promise is broken */
export function assert(holds: boolean, promise: string): asserts holds {
  if (!holds) throw new Error(`Broken: ${promise}`)
}
