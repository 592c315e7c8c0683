import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Line, withLine } from './line.ts'
import { Logger } from './logger.ts'
import { mask } from './mask.ts'

function listen() {
  const lines: Record<string, unknown>[] = []
  const logger = new Logger({
    service: 'api_gateway',
    now: () => Date.UTC(2025, 2, 3, 12, 34, 56),
    write: (line) => lines.push(JSON.parse(line)),
  })
  return { logger, lines }
}

describe('Logger (B65)', () => {
  it("writes the seed's keys first, in its order", () => {
    const { logger, lines } = listen()
    logger.error('User authentication error', {
      requestId: 'r',
      ip: '192.168.1.10',
      user: 'user123',
    })
    expect(Object.entries(lines[0] ?? {})).toEqual([
      ['timestamp', '2025-03-03T12:34:56.000Z'],
      ['service', 'api_gateway'],
      ['level', 'error'],
      ['message', 'User authentication error'],
      ['user', 'user123'],
      ['ip', '192.168.1.10'],
      ['requestId', 'r'],
    ])
  })

  it('drops what is below its level, but never a line with metrics', () => {
    const { logger, lines } = listen()
    logger.debug('detail')
    logger.debug('counted', {
      metrics: [{ name: 'sign_ins_total', labels: { result: 'ok' }, value: 1 }],
    })
    expect(lines.map((line) => line.message)).toEqual(['counted'])
  })

  it('keeps one line one line, whatever stands in it (S74)', () => {
    const written: string[] = []
    new Logger({ service: 's', write: (line) => written.push(line) }).info('a\nb\r\u2028', {
      detail: 'x\ny',
    })
    expect(written[0]).not.toMatch(/[\n\r]/)
  })
})

describe('mask (S116)', () => {
  it('masks secrets and personal data by key at any depth', () => {
    const keys = [
      'password',
      'accessToken',
      'refresh_token',
      'Authorization',
      'totpSecret',
      'phoneNumber',
      'E-Mail',
      'client-secret',
    ]
    fc.assert(
      fc.property(
        fc.constantFrom(...keys),
        fc.string({ minLength: 1 }),
        fc.integer({ min: 0, max: 10 }),
        (key, tail, depth) => {
          const secret = `canary-${tail}`
          let value: unknown = { [key]: secret }
          for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { nested: value }
          expect(JSON.stringify(mask(value))).not.toContain('canary-')
        },
      ),
    )
  })

  it('survives cycles and depths', () => {
    const cycle: Record<string, unknown> = {}
    cycle.self = cycle
    expect(mask(cycle)).toEqual({ self: '[cycle]' })
    let deep: unknown = 'x'
    for (let i = 0; i < 1000; i++) deep = [deep]
    expect(JSON.stringify(mask(deep))).toContain('[too deep]')
  })
})

describe('mask of an error', () => {
  it('tells what caused it, with the causes of that, and masks what those hold', () => {
    const cause = new Error('no binding', { cause: { queue: 'history', token: 'secret' } })
    expect(mask(new Error('not sent', { cause }))).toMatchObject({
      message: 'not sent',
      cause: { message: 'no binding', cause: { queue: 'history', token: '[masked]' } },
    })
  })
})

describe('Line', () => {
  it('is written once, with its counters, also when the work throws', async () => {
    const { logger, lines } = listen()
    const line = new Line(logger)
    const run = withLine(
      line,
      'alarm',
      () => 0,
      () => {
        line.count('sign_ins_total', { result: 'failed' })
        throw new Error('broken')
      },
    )
    await expect(run).rejects.toThrow('broken')
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({
      level: 'error',
      message: 'alarm',
      error: { message: 'broken' },
      metrics: [{ name: 'sign_ins_total', labels: { result: 'failed' }, value: 1 }],
    })
  })
})
