/**
 * What the engine's types leave out of its models: how the value of a token is made, found and used up. The package is
 * pinned exactly, and a test holds each override.
 */
export interface Model<T> {
  find(value: string, options?: object): Promise<T | undefined>
  revokeByGrantId(grantId: string): Promise<void>
  prototype: {
    generateTokenId(this: T): string
    getValueAndPayload(this: T): Promise<{ value: string; payload: undefined }>
    consume(this: T): Promise<void>
    destroy(this: T): Promise<void>
  }
}

export const modelOf = <T>(model: new (...args: never[]) => T): Model<T> =>
  model as unknown as Model<T>

/** A model's own object from its payload, as the engine makes it from a stored one. */
export const instantiate = <T>(model: new (...args: never[]) => T, payload: object): T =>
  new (model as unknown as new (payload: object) => T)(payload)
