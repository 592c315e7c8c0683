import { OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import { type Access, allRoutes, type DeclaredRoute } from '@menagerie/contracts/routes'
import { version } from '@menagerie/core'

let cached: object | undefined

/** The whole API as one OpenAPI 3.1 document, made from the contracts without asking a service. */
export function openApiDocument(publicUrl: string): object {
  cached ??= build(publicUrl.replace(/\/$/, ''))
  return cached
}

const securitySchemes = {
  bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  scrapeToken: { type: 'http', scheme: 'bearer' },
  brokerSecret: { type: 'http', scheme: 'bearer' },
  ticket: {
    type: 'apiKey',
    in: 'header',
    name: 'Sec-WebSocket-Protocol',
    description: '`menagerie.v1, ticket.<ticket>`',
  },
  carrierSignature: { type: 'apiKey', in: 'header', name: 'X-Twilio-Signature' },
} as const
type SecurityScheme = keyof typeof securitySchemes

/** One of these a caller must show. */
const schemesOf: Record<Access, readonly SecurityScheme[]> = {
  public: [],
  bearer: ['bearer'],
  socket: ['ticket', 'bearer'],
  signature: ['carrierSignature'],
  scrape: ['scrapeToken'],
  broker: ['brokerSecret'],
}

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
} as const

function build(publicUrl: string): object {
  const app = new OpenAPIHono()
  for (const [name, scheme] of Object.entries(securitySchemes))
    app.openAPIRegistry.registerComponent('securitySchemes', name, scheme)
  for (const route of allRoutes) app.openAPIRegistry.registerPath(describe(route))
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Menagerie',
      version,
      description:
        'Calls, conversations, devices, sessions and mailboxes, each with one owner that loses nothing.',
      license: { name: 'MIT' },
    },
    servers: [{ url: publicUrl }, { url: `${publicUrl}/v1` }],
  })
}

/** A declared route as an Operation Object: what only the gateway needs is left out, what its policy means is told. */
function describe({ policy, ...route }: DeclaredRoute): RouteConfig {
  const schemes = schemesOf[policy.access]
  return {
    ...route,
    operationId: operationId(route),
    tags: [policy.service],
    ...(schemes.length > 0 ? { security: schemes.map((name) => ({ [name]: [] })) } : {}),
    ...(policy.idempotent ? { parameters: [idempotencyKey] } : {}),
  }
}

/** `get /calls/{id}/events` → `getCallsByIdEvents`. */
const operationId = ({ method, path }: Pick<RouteConfig, 'method' | 'path'>): string =>
  method +
  path
    .replaceAll('{', '/by/')
    .split(/[^A-Za-z]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
