import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Aedes, type AuthErrorCode } from 'aedes'

/** A throwaway broker on the loopback interface that takes everybody. */
export interface TestBroker {
  name: string
  protocolVersion: 5 | 4
  /** @param password what clients with a name must have; the embedded broker alone asks for one */
  start(password?: string): Promise<{ port: number; stop(): Promise<void> }>
}

const embedded: TestBroker = {
  name: 'aedes',
  protocolVersion: 4,
  async start(password) {
    const broker = await Aedes.createBroker()
    broker.authenticate = (_client, name, given, done) => {
      if (!name || password === undefined || given?.toString() === password) return done(null, true)
      const code: AuthErrorCode = 4
      done(Object.assign(new Error('Bad password'), { returnCode: code }), false)
    }
    const server = createServer(broker.handle)
    const port = await listen(server)
    return {
      port,
      async stop() {
        await new Promise<void>((resolve) => broker.close(() => resolve()))
        server.close()
      },
    }
  },
}

const mosquitto: TestBroker = {
  name: 'mosquitto',
  protocolVersion: 5,
  async start() {
    const folder = mkdtempSync(join(tmpdir(), 'lab-broker-'))
    const port = await freePort()
    const file = join(folder, 'mosquitto.conf')
    writeFileSync(file, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`)
    const broker = spawn('mosquitto', ['-c', file], { stdio: 'ignore', env: withSbin() })
    await answers(port)
    return {
      port,
      async stop() {
        await ended(broker)
        rmSync(folder, { recursive: true })
      },
    }
  },
}

/** The embedded broker always, and the program where it is installed. */
export const brokers: TestBroker[] = [embedded, ...(isInstalled() ? [mosquitto] : [])]

function isInstalled(): boolean {
  try {
    execFileSync('mosquitto', ['-h'], { stdio: 'ignore', env: withSbin() })
    return true
  } catch (error) {
    // It is there, and its help ends with 3.
    return (error as { status?: number | null }).status === 3
  }
}

function withSbin(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}

async function answers(port: number): Promise<void> {
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
    if (open) return
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listen(server)
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })

/** A wire between devices and a broker that can be cut. */
export async function cuttable(target: number) {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far).pipe(near)
  })
  const port = await listen(server)
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port,
    cut,
    async stop() {
      cut()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
