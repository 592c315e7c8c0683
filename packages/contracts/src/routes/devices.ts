import { z } from '@hono/zod-openapi'
import { TicketGrant } from '../calls.ts'
import {
  CreateCredentialsRequest,
  CredentialInfo,
  DeviceCredentials,
} from '../device-credentials.ts'
import {
  ClaimCode,
  ClaimDeviceRequest,
  CreateDeviceRequest,
  Device,
  DeviceListQuery,
  PatchDeviceRequest,
  PatchTwinRequest,
  Presence,
  PutRulesRequest,
  RuleState,
  Telemetry,
  TelemetryQuery,
  Twin,
  TwinChange,
  TwinHistoryQuery,
} from '../devices.ts'
import { dataOf, pageOf } from '../envelope.ts'
import { queryInteger } from '../primitives.ts'
import { declare, jsonAnswer, jsonBody } from './declare.ts'
import { params, read, write } from './device-policies.ts'

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
  update: declare(
    { ...write, idempotent: true, errors: ['not_found', 'idempotency_mismatch', 'storage_full'] },
    {
      method: 'patch',
      path: '/devices/{id}',
      summary: "Change a device's name, metadata, tags or inactivity timeout",
      request: { params, ...jsonBody(PatchDeviceRequest) },
      responses: { 200: jsonAnswer(dataOf(Device), 'The device') },
    },
  ),
  remove: declare(
    { ...write, critical: true, timeoutMs: 15_000, errors: ['not_found'] },
    {
      method: 'delete',
      path: '/devices/{id}',
      summary: 'Retire a device: its access to the broker ends, and its id is never given again',
      request: { params },
      responses: { 204: { description: 'Retired' } },
    },
  ),
  credentials: declare(
    {
      ...write,
      critical: true,
      stepUp: true,
      idempotent: true,
      timeoutMs: 15_000,
      errors: ['not_found', 'secret_already_shown', 'idempotency_mismatch'],
    },
    {
      method: 'post',
      path: '/devices/{id}/credentials',
      summary: 'New MQTT credentials, shown once; earlier ones end, at once or after an overlap',
      request: {
        params,
        body: {
          required: false,
          content: { 'application/json': { schema: CreateCredentialsRequest } },
        },
      },
      responses: { 201: jsonAnswer(dataOf(DeviceCredentials), 'The password, shown once') },
    },
  ),
  listCredentials: declare(read, {
    method: 'get',
    path: '/devices/{id}/credentials',
    summary: 'The credentials of a device as they stand; passwords are shown once only',
    request: { params },
    responses: { 200: jsonAnswer(dataOf(z.array(CredentialInfo)), 'At most two') },
  }),
  revokeCredentials: declare(
    { ...write, critical: true, timeoutMs: 15_000, errors: ['not_found'] },
    {
      method: 'delete',
      path: '/devices/{id}/credentials',
      summary: "End all of a device's credentials; its connections are cut within 10 seconds",
      request: { params },
      responses: { 204: { description: 'None is left' } },
    },
  ),
  claimCode: declare(
    { ...write, critical: true, errors: ['not_found', 'storage_full'] },
    {
      method: 'post',
      path: '/devices/{id}/claim-code',
      summary: 'A code by which another account takes the device over; an earlier one ends',
      request: { params },
      responses: { 201: jsonAnswer(dataOf(ClaimCode), 'The code, shown once') },
    },
  ),
  claim: declare(
    { ...write, idempotent: true, errors: ['not_found', 'idempotency_mismatch', 'storage_full'] },
    {
      method: 'post',
      path: '/devices/claim',
      summary: 'Take over a device by its claim code',
      request: jsonBody(ClaimDeviceRequest),
      responses: { 200: jsonAnswer(dataOf(Device), 'The device, now of the caller') },
    },
  ),
  twinHistory: declare(read, {
    method: 'get',
    path: '/devices/{id}/twin/history',
    summary: 'Changes of the twin, the newest first',
    request: { params, query: TwinHistoryQuery },
    responses: { 200: jsonAnswer(pageOf(TwinChange), 'A page of changes') },
  }),
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
