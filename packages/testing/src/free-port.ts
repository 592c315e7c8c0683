import { createServer } from 'node:net'

/** The loopback addresses that `localhost` may mean. */
const LOOPBACK = ['127.0.0.1', '::1']

/** A TCP port that nobody listens on now, chosen by the system. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await listenOnce(0, '127.0.0.1')
    if (typeof port === 'number' && (await isPortFree(port))) return port
  }
}

/** Whether `port` can be listened on, at every loopback address that this machine has. */
export async function isPortFree(port: number): Promise<boolean> {
  for (const host of LOOPBACK) {
    if ((await listenOnce(port, host)) === 'busy') return false
  }
  return true
}

function listenOnce(port: number, host: string): Promise<number | 'busy' | 'no such address'> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      // Only a machine without IPv6 has no ::1; that address is then nobody's.
      resolve(error.code === 'EADDRINUSE' || error.code === 'EACCES' ? 'busy' : 'no such address')
    })
    server.listen(port, host, () => {
      const address = server.address()
      const bound = typeof address === 'object' && address !== null ? address.port : port
      server.close(() => resolve(bound))
    })
  })
}
