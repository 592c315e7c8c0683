import { Command, CommandListQuery, SendCommandRequest } from '../device-commands.ts'
import { dataOf, pageOf } from '../envelope.ts'
import { Id } from '../primitives.ts'
import { declare, jsonAnswer, jsonBody } from './declare.ts'
import { params, read, write } from './device-policies.ts'

const ofOne = params.extend({ commandId: Id })

/** Commands to a device: each is handed over once it is there, and has exactly one end. */
export const deviceCommands = {
  send: declare(
    {
      ...write,
      idempotent: true,
      errors: ['not_found', 'idempotency_mismatch', 'overloaded', 'storage_full'],
    },
    {
      method: 'post',
      path: '/devices/{id}/commands',
      summary: 'Send a command; it waits for a device that sleeps',
      request: { params, ...jsonBody(SendCommandRequest) },
      responses: { 202: jsonAnswer(dataOf(Command), 'The command as it stands') },
    },
  ),
  list: declare(read, {
    method: 'get',
    path: '/devices/{id}/commands',
    summary: 'Commands of a device, the newest first',
    request: { params, query: CommandListQuery },
    responses: { 200: jsonAnswer(pageOf(Command), 'A page of commands') },
  }),
  get: declare(read, {
    method: 'get',
    path: '/devices/{id}/commands/{commandId}',
    summary: 'A command and what became of it',
    request: { params: ofOne },
    responses: { 200: jsonAnswer(dataOf(Command), 'The command') },
  }),
  cancel: declare(
    { ...write, idempotent: true, errors: ['not_found', 'conflict', 'idempotency_mismatch'] },
    {
      method: 'post',
      path: '/devices/{id}/commands/{commandId}/cancel',
      summary: 'End a command: one that waits is never sent; what is sent may still be carried out',
      request: { params: ofOne },
      responses: { 200: jsonAnswer(dataOf(Command), 'The command, FAILED with code canceled') },
    },
  ),
} as const
