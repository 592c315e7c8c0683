import { dataOf, pageOf } from '../envelope.ts'
import { CreateFlowRequest, Flow, FlowListQuery, PatchFlowRequest } from '../flows.ts'
import { declare, idParam, jsonAnswer, jsonBody, type RoutePolicy } from './declare.ts'

const policy = {
  service: 'communications',
  access: 'bearer',
  permission: 'queues:write',
  rateLimit: 'api',
  errors: ['not_found'],
} as const satisfies RoutePolicy
const params = idParam

export const flows = {
  create: declare(
    { ...policy, idempotent: true, errors: ['conflict', 'idempotency_mismatch'] },
    {
      method: 'post',
      path: '/flows',
      summary: 'Make a flow for incoming calls',
      request: jsonBody(CreateFlowRequest),
      responses: { 201: jsonAnswer(dataOf(Flow), 'The flow') },
    },
  ),
  list: declare(
    { ...policy, errors: [] },
    {
      method: 'get',
      path: '/flows',
      summary: 'Flows by name',
      request: { query: FlowListQuery },
      responses: { 200: jsonAnswer(pageOf(Flow), 'A page of flows') },
    },
  ),
  get: declare(policy, {
    method: 'get',
    path: '/flows/{id}',
    summary: 'A flow',
    request: { params },
    responses: { 200: jsonAnswer(dataOf(Flow), 'The flow') },
  }),
  patch: declare(
    { ...policy, errors: ['not_found', 'conflict', 'precondition_failed'] },
    {
      method: 'patch',
      path: '/flows/{id}',
      summary: 'Change a flow; calls under way keep theirs',
      request: { params, ...jsonBody(PatchFlowRequest) },
      responses: { 200: jsonAnswer(dataOf(Flow), 'The flow') },
    },
  ),
  remove: declare(policy, {
    method: 'delete',
    path: '/flows/{id}',
    summary: 'Remove a flow; its numbers answer nothing then',
    request: { params },
    responses: { 204: { description: 'Removed' } },
  }),
} as const
