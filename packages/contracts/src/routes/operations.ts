import { z } from '@hono/zod-openapi'
import { Health } from '../health.ts'
import { declare, jsonAnswer, type RoutePolicy } from './declare.ts'

/** What asks every part, or answers at length, is counted by address: nobody's token is asked for it. */
const open = {
  service: 'gateway',
  access: 'public',
  rateLimit: 'api',
} as const satisfies RoutePolicy
const answers = {
  200: jsonAnswer(Health, 'All of it is up'),
  503: jsonAnswer(Health, 'Something is down'),
}

export const operations = {
  health: declare(open, {
    method: 'get',
    path: '/health',
    summary: 'Every part with its state and latency',
    responses: answers,
  }),
  live: declare(
    { ...open, rateLimit: 'none' },
    {
      method: 'get',
      path: '/health/live',
      summary: 'The process answers',
      responses: { 200: answers[200] },
    },
  ),
  ready: declare(open, {
    method: 'get',
    path: '/health/ready',
    summary: 'Everything needed to serve is up',
    responses: answers,
  }),
  metrics: declare(
    { service: 'gateway', access: 'scrape', rateLimit: 'none', errors: ['unauthorized'] },
    {
      method: 'get',
      path: '/metrics',
      summary: 'Prometheus series',
      responses: {
        200: {
          description: 'Text format 0.0.4',
          content: { 'text/plain': { schema: z.string() } },
        },
      },
    },
  ),
  openapi: declare(open, {
    method: 'get',
    path: '/openapi.json',
    summary: 'This API (OpenAPI 3.1)',
    responses: { 200: jsonAnswer(z.looseObject({ openapi: z.string() }), 'The document') },
  }),
} as const
