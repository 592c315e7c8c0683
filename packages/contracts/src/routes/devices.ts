import { z } from '@hono/zod-openapi'
import { TicketGrant } from '../calls.ts'
import {
  CreateDeviceRequest,
  Device,
  DeviceCredentials,
  DeviceId,
  DeviceListQuery,
  PatchTwinRequest,
  Presence,
  PutRulesRequest,
  RuleState,
  Telemetry,
  TelemetryQuery,
  Twin,
} from '../devices.ts'
import { dataOf, pageOf } from '../envelope.ts'
import { queryInteger } from '../primitives.ts'
import { declare, jsonAnswer, jsonBody, type RoutePolicy } from './declare.ts'

const params = z.strictObject({ id: DeviceId })
const read = {
  service: 'devices',
  access: 'bearer',
  permission: 'devices:read:own',
  rateLimit: 'api',
  errors: ['not_found'],
} as const satisfies RoutePolicy
const write = {
  ...read,
  permission: 'devices:write:own',
} as const satisfies RoutePolicy

export const devices = {
  create: declare(
    {
      ...write,
      idempotent: true,
      errors: ['conflict', 'idempotency_mismatch', 'storage_full'],
    },
    {
      method: 'post',
      path: '/devices',
      summary: 'Register a device',
      request: jsonBody(CreateDeviceRequest),
      responses: { 201: jsonAnswer(dataOf(Device), 'The device') },
    },
  ),
  list: declare(
    { ...read, errors: [] },
    {
      method: 'get',
      path: '/devices',
      summary: "Devices by id: own, or everybody's with devices:read",
      request: { query: DeviceListQuery },
      responses: { 200: jsonAnswer(pageOf(Device), 'A page of devices') },
    },
  ),
  get: declare(read, {
    method: 'get',
    path: '/devices/{id}',
    summary: 'A device',
    request: { params },
    responses: { 200: jsonAnswer(dataOf(Device), 'The device') },
  }),
  credentials: declare(
    {
      ...write,
      critical: true,
      idempotent: true,
      timeoutMs: 15_000,
      errors: ['not_found', 'secret_already_shown', 'idempotency_mismatch'],
    },
    {
      method: 'post',
      path: '/devices/{id}/credentials',
      summary: 'New MQTT credentials; earlier ones end. Answered when the broker has them',
      request: { params },
      responses: { 201: jsonAnswer(dataOf(DeviceCredentials), 'The password, shown once') },
    },
  ),
  twin: declare(read, {
    method: 'get',
    path: '/devices/{id}/twin',
    summary: 'Desired and reported state and what differs',
    request: { params },
    responses: { 200: jsonAnswer(dataOf(Twin), 'The twin; its version is the ETag') },
  }),
  patchTwin: declare(
    {
      ...write,
      idempotent: true,
      errors: [
        'not_found',
        'version_conflict',
        'precondition_failed',
        'idempotency_mismatch',
        'storage_full',
      ],
    },
    {
      method: 'patch',
      path: '/devices/{id}/twin',
      summary: 'Merge into the desired state; the device gets the delta',
      request: { params, ...jsonBody(PatchTwinRequest) },
      responses: { 200: jsonAnswer(dataOf(Twin), 'The whole twin') },
    },
  ),
  telemetry: declare(read, {
    method: 'get',
    path: '/devices/{id}/telemetry',
    summary: 'The latest values of every stream, and the samples of one',
    request: { params, query: TelemetryQuery },
    responses: { 200: jsonAnswer(dataOf(Telemetry), 'Values with their times') },
  }),
  presence: declare(read, {
    method: 'get',
    path: '/devices/{id}/presence',
    summary: 'Whether the device is connected',
    request: { params },
    responses: { 200: jsonAnswer(dataOf(Presence), 'As the device last told') },
  }),
  rules: declare(read, {
    method: 'get',
    path: '/devices/{id}/rules',
    summary: 'The threshold rules of a device',
    request: { params },
    responses: { 200: jsonAnswer(dataOf(z.array(RuleState)), 'The rules and how they stand') },
  }),
  putRules: declare(
    { ...write, errors: ['not_found', 'storage_full'] },
    {
      method: 'put',
      path: '/devices/{id}/rules',
      summary: 'Replace the threshold rules of a device',
      request: { params, ...jsonBody(PutRulesRequest) },
      responses: { 200: jsonAnswer(dataOf(z.array(RuleState)), 'The rules and how they stand') },
    },
  ),
  ticket: declare(read, {
    method: 'post',
    path: '/devices/{id}/ticket',
    summary: "A single-use ticket to the device's socket",
    request: { params },
    responses: { 201: jsonAnswer(dataOf(TicketGrant), 'The ticket, good for 30 seconds') },
  }),
  socket: declare(
    {
      ...read,
      access: 'socket',
      errors: ['not_found', 'invalid_ticket', 'invalid_request', 'upgrade_required'],
    },
    {
      method: 'get',
      path: '/devices/{id}/ws',
      summary: 'The socket of a device: events after `afterSeq`, then live ones and telemetry',
      request: {
        params,
        query: z.strictObject({ afterSeq: queryInteger(0, Number.MAX_SAFE_INTEGER).optional() }),
      },
      responses: { 101: { description: 'menagerie.v1' } },
    },
  ),
} as const
