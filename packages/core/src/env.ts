import type { z } from 'zod'

/** A setting is missing or malformed. Names the settings, never their values. */
export class EnvError extends Error {
  override name = 'EnvError'
}

/**
 * A check of a Worker's settings that runs once per isolate and per env object. Bindings pass through untouched.
 *
 * @throws EnvError naming every missing or malformed setting, so that a typo never disables a feature silently
 */
export function envValidator<S extends z.ZodObject>(schema: S): (env: object) => z.infer<S> {
  const checked = new WeakMap<object, z.infer<S>>()
  return (env) => {
    const known = checked.get(env)
    if (known) return known
    const parsed = schema.safeParse(env)
    if (!parsed.success) {
      const problems = parsed.error.issues.map(
        (issue) => `${issue.path.join('.')}: ${issue.message}`,
      )
      throw new EnvError(`Settings are missing or malformed (${problems.join('; ')})`)
    }
    checked.set(env, parsed.data)
    return parsed.data
  }
}
