import { AppError } from '@menagerie/core'
import type { Context } from 'hono'
import type { App } from '../context.ts'

/** Answers with tokens are never kept (RFC 6749 §5.1). */
export const noStore = (c: Context<App>): void => c.header('Cache-Control', 'no-store')

/** A sign-in of any kind: how it ended is counted on the request's line. */
export async function counted<T>(c: Context<App>, signIn: () => Promise<T>): Promise<T> {
  noStore(c)
  try {
    const tokens = await signIn()
    c.get('line').count('sign_ins_total', { result: 'success' })
    return tokens
  } catch (error) {
    const code = error instanceof AppError ? error.code : 'internal_error'
    c.get('line').count('sign_ins_total', { result: code })
    throw error
  }
}
