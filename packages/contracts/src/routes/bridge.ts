import { z } from '@hono/zod-openapi'
import {
  BridgeAnswer,
  BridgeBatch,
  BrokerAclRequest,
  BrokerAuthRequest,
  BrokerDecision,
  MAX_BRIDGE_BYTES,
} from '../bridge.ts'
import { dataOf } from '../envelope.ts'
import { declare, jsonAnswer, jsonBody, type RoutePolicy } from './declare.ts'

const bridgeOnly = {
  service: 'devices',
  access: 'bearer',
  permission: 'devices:bridge',
  rateLimit: 'none',
} as const satisfies RoutePolicy
const broker = {
  service: 'devices',
  access: 'broker',
  rateLimit: 'none',
} as const satisfies RoutePolicy

/** Between the broker and the edge (contract §5). */
export const bridge = {
  messages: declare(
    {
      ...bridgeOnly,
      bodyLimitBytes: MAX_BRIDGE_BYTES,
      timeoutMs: 30_000,
      errors: ['overloaded', 'storage_full'],
    },
    {
      method: 'post',
      path: '/devices/bridge/messages',
      summary: 'Messages of devices: one result for each. Anything but 2xx stored nothing for sure',
      request: jsonBody(BridgeBatch),
      responses: { 200: jsonAnswer(dataOf(BridgeAnswer), 'What became of each message') },
    },
  ),
  socket: declare(
    {
      ...bridgeOnly,
      access: 'socket',
      errors: ['invalid_request', 'upgrade_required'],
    },
    {
      method: 'get',
      path: '/devices/bridge/ws',
      summary: 'Messages to devices, and credentials for the broker; with an Authorization header',
      request: {
        query: z.strictObject({
          link: z
            .string()
            .regex(/^[A-Za-z0-9_-]{1,64}$/)
            .default('default'),
          /** Names the process: the same one that comes again takes the place of its older socket at once. */
          instance: z
            .string()
            .regex(/^[A-Za-z0-9_-]{1,64}$/)
            .optional(),
        }),
      },
      responses: { 101: { description: 'menagerie.v1' } },
    },
  ),
  auth: declare(broker, {
    method: 'post',
    path: '/devices/bridge/auth',
    summary: "May this client connect? The request of EMQX's HTTP authenticator",
    request: jsonBody(BrokerAuthRequest),
    responses: { 200: jsonAnswer(BrokerDecision, 'The decision') },
  }),
  acl: declare(broker, {
    method: 'post',
    path: '/devices/bridge/acl',
    summary: "May this client publish or subscribe? The request of EMQX's HTTP authorizer",
    request: jsonBody(BrokerAclRequest),
    responses: { 200: jsonAnswer(BrokerDecision, 'The decision') },
  }),
} as const
