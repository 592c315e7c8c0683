import { AppError } from '@menagerie/core'

/** One answer for every code, token or signature that is wrong, over, used or nobody's. Why is for the log alone. */
export const invalidCode = (cause?: string): AppError =>
  new AppError('invalid_code', 'The code is wrong, was used, or is over; ask for a new one', {
    ...(cause === undefined ? {} : { cause }),
  })
