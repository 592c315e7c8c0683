import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { Supervised } from '../launcher/supervised.ts'
import { waitFor } from '../wait-for.ts'

/** Waits until a program listens. @throws Error with the end of its log when it has ended instead */
export async function listening(
  port: number,
  running: Supervised,
  name: string,
  log: string,
): Promise<void> {
  let ended = false
  void running.exited.then(() => {
    ended = true
  })
  await waitFor(() => ended || canConnect(port), { what: `${name} to listen`, intervalMs: 20 })
  if (ended) throw new Error(`${name} ended:\n${readFileSync(log, 'utf8').slice(-2_000)}`)
}

const canConnect = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
