import {
  AssignConversationRequest,
  Conversation,
  ConversationListQuery,
  Message,
  MessageListQuery,
  SendMessageRequest,
  SentMessage,
} from '../conversations.ts'
import { dataOf, pageOf } from '../envelope.ts'
import { declare, idParam, jsonAnswer, jsonBody, type RoutePolicy } from './declare.ts'
import { socketErrors, socketQuery, switching, ticketRoute } from './socket-routes.ts'

const read = {
  service: 'communications',
  access: 'bearer',
  permission: 'conversations:read:own',
  rateLimit: 'api',
  errors: ['not_found'],
} as const satisfies RoutePolicy
const write = { ...read, permission: 'conversations:write:own' } as const satisfies RoutePolicy
const staff = { ...read, permission: 'conversations:write' } as const satisfies RoutePolicy
const params = idParam

export const conversations = {
  send: declare(
    {
      ...write,
      idempotent: true,
      timeoutMs: 15_000,
      errors: ['not_found', 'conflict', 'idempotency_mismatch', 'not_implemented', 'storage_full'],
    },
    {
      method: 'post',
      path: '/messages/send',
      summary: 'Send a message; the same clientMessageId sends once',
      request: jsonBody(SendMessageRequest),
      responses: { 202: jsonAnswer(dataOf(SentMessage), 'The message, on its way') },
    },
  ),
  list: declare(
    { ...read, errors: [] },
    {
      method: 'get',
      path: '/conversations',
      summary:
        "Conversations, the newest message first: own, or everybody's with conversations:read",
      request: { query: ConversationListQuery },
      responses: { 200: jsonAnswer(pageOf(Conversation), 'A page of conversations') },
    },
  ),
  get: declare(read, {
    method: 'get',
    path: '/conversations/{id}',
    summary: 'A conversation',
    request: { params },
    responses: { 200: jsonAnswer(dataOf(Conversation), 'The conversation') },
  }),
  messages: declare(read, {
    method: 'get',
    path: '/conversations/{id}/messages',
    summary: 'Messages of a conversation, newest first',
    request: { params, query: MessageListQuery },
    responses: { 200: jsonAnswer(pageOf(Message), 'A page of messages') },
  }),
  ticket: ticketRoute(read, '/conversations/{id}/ticket', { params }, 'a conversation'),
  socket: declare(
    { ...read, access: 'socket', errors: ['not_found', ...socketErrors] },
    {
      method: 'get',
      path: '/conversations/{id}/ws',
      summary: 'The socket of a conversation',
      request: { params, query: socketQuery },
      responses: switching,
    },
  ),
  assign: declare(
    { ...staff, errors: ['not_found', 'conflict'] },
    {
      method: 'post',
      path: '/conversations/{id}/assign',
      summary: 'Give a conversation to an agent, or to nobody',
      request: { params, ...jsonBody(AssignConversationRequest) },
      responses: { 200: jsonAnswer(dataOf(Conversation), 'The conversation') },
    },
  ),
  resolve: declare(
    { ...staff, errors: ['not_found', 'conflict'] },
    {
      method: 'post',
      path: '/conversations/{id}/resolve',
      summary: 'Close a conversation; the next message opens it again',
      request: { params },
      responses: { 200: jsonAnswer(dataOf(Conversation), 'The conversation') },
    },
  ),
} as const
