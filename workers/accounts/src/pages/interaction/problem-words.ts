import type { AppError } from '@menagerie/core'

/** What a page tells of a refusal, and its status; `undefined` for what no visitor can mend. */
export function problemWords(error: AppError): { status: 400 | 429; text: string } | undefined {
  switch (error.code) {
    case 'invalid_credentials':
      return { status: 400, text: 'The name or the password is wrong.' }
    case 'invalid_code':
      return { status: 400, text: 'That is not right, was used before, or came too late.' }
    case 'too_many_attempts':
    case 'too_many_requests':
      return { status: 429, text: `Too many tries. Wait ${waitOf(error)} and try again.` }
    default:
      return undefined
  }
}

/** In whole seconds up to two minutes, else in whole minutes; never less than it is. */
function waitOf({ options: { retryAfterSeconds = 60 } }: AppError): string {
  if (retryAfterSeconds === 1) return 'a second'
  return retryAfterSeconds <= 120
    ? `${retryAfterSeconds} seconds`
    : `${Math.ceil(retryAfterSeconds / 60)} minutes`
}
