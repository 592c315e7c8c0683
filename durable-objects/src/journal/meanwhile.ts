/** How late a timer or a message may be that becomes due while others leave. */
const LOOK_EVERY_MS = 250

/**
 * Waits for work that may take long, such as a destination that hangs, and looks in between for what has become due.
 * The object gets no other alarm before this one has ended.
 *
 * @param look must not throw
 * @throws what the work throws
 */
export async function meanwhile(work: Promise<void>, look: () => Promise<void>): Promise<void> {
  let done = false
  const ended = work.finally(() => {
    done = true
  })
  while (!done) {
    let timer: ReturnType<typeof setTimeout> | undefined
    const pause = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LOOK_EVERY_MS)
    })
    try {
      await Promise.race([ended, pause])
    } finally {
      clearTimeout(timer)
    }
    if (!done) await look()
  }
  await ended
}
