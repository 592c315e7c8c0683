import type { Logger } from '@menagerie/core/logger'

/** Logs what keeps something from working: a warning when it is new, not with each attempt that fails alike. */
export class Trouble {
  readonly #logger: Logger
  readonly #message: string
  #last: string | undefined

  constructor(logger: Logger, message: string) {
    this.#logger = logger
    this.#message = message
  }

  tell(reason: string): void {
    const log = reason === this.#last ? this.#logger.debug : this.#logger.warn
    this.#last = reason
    log(this.#message, { reason })
  }

  /** It works: the same reason is news again. */
  over(): void {
    this.#last = undefined
  }
}
