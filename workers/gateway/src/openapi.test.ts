import { allRoutes } from '@menagerie/contracts/routes'
import { describe, expect, it } from 'vitest'
import { openApiDocument } from './openapi.ts'

interface Operation {
  operationId: string
  parameters?: { name: string; in: string }[]
  security?: Record<string, string[]>[]
  responses: Record<string, { description: string }>
}
interface Document {
  servers: { url: string }[]
  paths: Record<string, Record<string, Operation>>
  components: { schemas: object; securitySchemes: object }
}
const document = openApiDocument('http://localhost:8787/') as Document

/** The fields of an Operation Object (OpenAPI 3.1.0 §4.8.10); it takes no others. */
const fields = [
  'tags',
  'summary',
  'description',
  'externalDocs',
  'operationId',
  'parameters',
  'requestBody',
  'responses',
  'callbacks',
  'deprecated',
  'security',
  'servers',
]

describe('the OpenAPI document', () => {
  it.each(allRoutes.map((route) => [`${route.method} ${route.path}`, route] as const))(
    'describes %s with what 3.1 knows and what is true',
    (_, route) => {
      const operation = document.paths[route.path]?.[route.method]
      if (!operation) throw new Error('it is missing')
      expect(Object.keys(operation).filter((name) => !fields.includes(name))).toEqual([])
      expect(Object.keys(operation.security?.[0] ?? {})).toEqual(
        {
          bearer: ['bearer'],
          socket: ['ticket'],
          scrape: ['scrapeToken'],
          signature: ['carrierSignature'],
          broker: ['brokerSecret'],
          public: [],
        }[route.policy.access as 'bearer'] ?? [],
      )
      const headers = operation.parameters?.filter((parameter) => parameter.in === 'header') ?? []
      expect(headers.map(({ name }) => name)).toEqual(
        route.policy.idempotent ? ['Idempotency-Key'] : [],
      )
      if (route.policy.service !== 'gateway') expect(operation.responses).toHaveProperty('504')
    },
  )

  it('names every operation once', () => {
    const ids = Object.values(document.paths).flatMap((item) =>
      Object.values(item).map(({ operationId }) => operationId),
    )
    expect(ids.every((id) => /^[a-z][A-Za-z]+$/.test(id))).toBe(true)
    expect(new Set(ids).size).toBe(allRoutes.length)
  })

  it('refers only to what it holds', () => {
    const text = JSON.stringify(document)
    const names = (part: object) => Object.keys(part)
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
      expect(names(document.components.schemas)).toContain(name)
    for (const name of ['bearer', 'ticket', 'scrapeToken', 'carrierSignature'])
      expect(names(document.components.securitySchemes)).toContain(name)
  })

  it('knows both places it is served from', () => {
    expect(document.servers.map(({ url }) => url)).toEqual([
      'http://localhost:8787',
      'http://localhost:8787/v1',
    ])
  })
})
