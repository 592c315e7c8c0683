import { OpenAPIHono } from '@hono/zod-openapi'
import { allRoutes } from '@menagerie/contracts/routes'
import { version } from '@menagerie/core'

let cached: object | undefined

/** The whole API as one OpenAPI 3.1 document, made from the contracts without asking a service. */
export function openApiDocument(publicUrl: string): object {
  cached ??= build(publicUrl)
  return cached
}

function build(publicUrl: string): object {
  const app = new OpenAPIHono()
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
  })
  for (const route of allRoutes) app.openAPIRegistry.registerPath(route)
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
