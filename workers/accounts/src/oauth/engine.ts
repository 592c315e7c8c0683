import { httpServerHandler } from 'cloudflare:node'
import { AsyncLocalStorage } from 'node:async_hooks'
import { createServer } from 'node:http'
import { issuerOf } from '@menagerie/core'
import { Provider } from 'oidc-provider'
import { type Env, settingsOf } from '../context.ts'
import { signingKeysOf } from '../deployment.ts'
import { completeAnswer } from './answers.ts'
import { overrideSession } from './browser-session.ts'
import { configurationOf } from './configuration.ts'
import { overrideAccessToken } from './models/access-token.ts'
import { overrideClientCredentials } from './models/client-credentials.ts'
import { overrideCodes } from './models/codes.ts'
import { overrideRefreshToken } from './models/refresh-token.ts'
import { overrideSecrets } from './models/secrets.ts'
import { notesOf } from './request-notes.ts'

interface Made {
  keys: object
  provider: Provider
}
const made = new WeakMap<Env, Made>()

/** The engine with the keys of this moment: it takes them once, so there is one for each set of keys. */
export async function providerFor(env: Env): Promise<Provider> {
  const keys = await signingKeysOf(env).current()
  const known = made.get(env)
  if (known !== undefined && known.keys === keys) return known.provider
  const provider: Provider = new Provider(
    issuerOf(settingsOf(env)),
    configurationOf(env, keys, () => provider),
  )
  overrideCodes(provider, env)
  overrideAccessToken(provider, env)
  overrideRefreshToken(provider, env)
  overrideClientCredentials(provider, env)
  overrideSession(provider, env)
  overrideSecrets(provider)
  secureCookies(provider)
  provider.use(completeAnswer)
  provider.on('server_error', (ctx, error) => {
    notesOf(ctx).failure = error
  })
  made.set(env, { keys, provider })
  return provider
}

/** TLS ends before us, which the engine cannot see; browsers take such cookies from `http://localhost` as well. */
function secureCookies(provider: Provider): void {
  const createContext = provider.createContext.bind(provider)
  provider.createContext = (req, res) => {
    const context = createContext(req, res)
    context.cookies.secure = true
    return context
  }
}

interface Call {
  env: Env
  provider: Provider
}
const currentCall = new AsyncLocalStorage<Call>()

// The engine speaks to Node's server alone; the platform has one that listens to nobody but `node.fetch`.
const server = createServer(async (req, res) => {
  const call = currentCall.getStore()
  if (call === undefined) throw new Error('The engine was called without an env')
  const { pathname } = new URL(issuerOf(settingsOf(call.env)))
  const path = req.url ?? '/'
  // It finds the path it is mounted at by the difference of the two.
  const request = Object.assign(req, { originalUrl: path })
  request.url = path.slice(pathname.length)
  await call.provider.callback()(request, res)
})
server.listen(8080)
const node = httpServerHandler({ port: 8080 })

/**
 * Hands a request to the engine. Its address must be of our own origin: the engine believes what it is told.
 *
 * @throws AppError `unavailable` when there are no keys to sign with
 */
export async function toEngine(
  env: Env,
  request: Request,
  ctx: ExecutionContext,
): Promise<Response> {
  if (node.fetch === undefined) throw new Error('The platform has no Node server')
  const { fetch } = node
  // Before the server is asked: what is thrown in there is answered by nobody.
  const provider = await providerFor(env)
  return currentCall.run({ env, provider }, async () =>
    fetch.call(node, request as never, env, ctx),
  )
}
