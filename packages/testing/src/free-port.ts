import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** The loopback addresses that `localhost` may mean. */
const LOOPBACK = ['127.0.0.1', '::1']

/** Below what systems hand out to outgoing connections, so that none of those takes a port before it is used. */
const FIRST = 20_000
const COUNT = 10_000

/** A TCP port that nobody listens on now. Chosen at random, since several test processes choose at the same time. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + randomInt(COUNT)
    if (await isPortFree(port)) return port
  }
}

/** Whether `port` can be listened on, at every loopback address that this machine has. */
export async function isPortFree(port: number): Promise<boolean> {
  for (const host of LOOPBACK) {
    if ((await listenOnce(port, host)) === 'busy') return false
  }
  return true
}

function listenOnce(port: number, host: string): Promise<'free' | 'busy' | 'no such address'> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      // Only a machine without IPv6 has no ::1; that address is then nobody's.
      resolve(error.code === 'EADDRINUSE' || error.code === 'EACCES' ? 'busy' : 'no such address')
    })
    server.listen(port, host, () => {
      server.close(() => resolve('free'))
    })
  })
}
