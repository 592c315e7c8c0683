/**
 * Calls `end` once when this command is told to end: Ctrl-C, SIGTERM, a closed terminal, or the bootstrap that holds
 * its IPC channel is gone, even by SIGKILL.
 */
export function onEnd(end: () => void): void {
  let told = false
  const once = () => {
    if (told) return
    told = true
    end()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, once)
  process.on('disconnect', once)
  // Listening to the channel must not keep a command alive that has nothing more to do.
  process.channel?.unref()
}
