import { CallsReport, metricNames, SummaryReport } from '@menagerie/contracts'
import { beforeAll, describe, expect, test } from 'vitest'
import { ask, deliver, emptyHistory, tokenOf } from './support/api.ts'
import { type CallStory, eventsOf } from './support/call-events.ts'

const agentId = '019aa5b8-7c00-7000-8000-00000000000a'
const noon = Date.UTC(2026, 9, 25, 12)
const story = (createdAt: number, more: Partial<CallStory> = {}): CallStory => ({
  direction: 'outbound',
  queueId: null,
  agentId,
  createdAt,
  answeredAfter: 5,
  holds: false,
  endedAfter: 60,
  ...more,
})
const calls = [
  story(noon),
  story(noon + 10 * 60_000, { endedAfter: 31 }),
  story(noon + 20 * 60_000, { answeredAfter: null }),
  story(noon + 90 * 60_000, { direction: 'inbound', agentId: null, endedAfter: null }),
]

let supervisor: string
beforeAll(async () => {
  supervisor = await tokenOf('supervisor')
  await emptyHistory()
  await deliver(
    calls.flatMap((one) => eventsOf(one)).map((body, index) => ({ id: `m${index}`, body })),
  )
})

const day = 'from=2026-10-25T00:00:00Z&to=2026-10-26T00:00:00Z'
const rowsOf = (csv: string) => {
  const [header = '', ...lines] = csv.split('\r\n').slice(0, -1)
  const names = header.split(',')
  return lines.map((line) =>
    Object.fromEntries(line.split(',').map((cell, index) => [names[index], cell])),
  )
}

describe('GET /reports/summary', () => {
  test('shows totals with what they mean, and the same numbers hour by hour', async () => {
    const { status, body } = await ask(supervisor, `/reports/summary?${day}&interval=hour`)
    expect(status).toBe(200)
    const report = SummaryReport.parse(body.data)
    expect(report.totals.calls).toEqual({ value: 4, definition: expect.stringMatching(/./) })
    expect(report.totals.callsAnswered?.value).toBe(3)
    expect(report.totals.talkSeconds?.value).toBe(91)
    // The call that is still going on is answered, and its talk is not known yet.
    expect(report.totals.averageTalkSeconds).toMatchObject({
      value: 45.5,
      numerator: 91,
      denominator: 2,
    })
    expect(report.totals.serviceLevel).toMatchObject({ value: null, denominator: 0 })
    expect(report.totals.serviceLevel?.definition).toContain('20 seconds')
    expect(Object.keys(report.totals)).toEqual([...metricNames])
    expect(report.series).toHaveLength(24)
    expect(report.series.slice(12, 14).map((row) => row.calls)).toEqual([3, 1])
    expect(body.meta.requestId).toMatch(/./)
  })

  test('counts exactly in a range whose ends lie within a quarter of an hour', async () => {
    const count = async (from: string, to: string) =>
      (await ask(supervisor, `/reports/summary?from=${from}&to=${to}`)).body.data.totals.calls.value
    expect(await count('2026-10-25T12:00:00.000Z', '2026-10-25T12:10:00.000Z')).toBe(1)
    expect(await count('2026-10-25T12:00:00.000Z', '2026-10-25T12:10:00.001Z')).toBe(2)
    expect(await count('2026-10-25T12:00:00.001Z', '2026-10-25T13:30:00.000Z')).toBe(2)
    expect(await count('2026-10-25T12:10:00.001Z', '2026-10-25T13:30:00.001Z')).toBe(2)
    expect(await count('2026-10-25T12:00:00.001Z', '2026-10-25T12:00:00.002Z')).toBe(0)
  })

  test('has a day of 25 hours where the clocks go back', async () => {
    const query = 'from=2026-10-24T23:00:00Z&to=2026-10-26T00:00:00Z&timeZone=Europe/London'
    const { body } = await ask(supervisor, `/reports/summary?${query}&interval=day`)
    expect(body.data.series).toMatchObject([
      { start: '2026-10-24T23:00:00.000Z', end: '2026-10-26T00:00:00.000Z', calls: 4 },
    ])
  })

  test.each(['format=csv', ''])('is a file with the same numbers (%s)', async (format) => {
    const path = `/reports/summary?${day}&interval=hour`
    const { body } = await ask(supervisor, path)
    const accept = format === '' ? { accept: 'text/csv' } : {}
    const file = await ask(supervisor, `${path}&${format}`, accept)
    expect(file.headers.get('content-type')).toContain('text/csv')
    expect(rowsOf(file.body)).toEqual(
      body.data.series.map((row: Record<string, unknown>) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, `${value ?? ''}`])),
      ),
    )
  })

  test('is JSON where a client takes both, and where it asks for it by name', async () => {
    for (const [format, accept] of [
      ['', 'application/json, text/csv'],
      ['', '*/*'],
      ['&format=json', 'text/csv'],
    ]) {
      const { headers } = await ask(supervisor, `/reports/summary?${day}${format}`, {
        accept: accept ?? '',
      })
      expect(headers.get('content-type')).toContain('application/json')
    }
  })

  test('is about the last 24 hours unless asked otherwise', async () => {
    const before = Date.now()
    const { data } = (await ask(supervisor, '/reports/summary')).body
    expect(Date.parse(data.to)).toBeGreaterThanOrEqual(before)
    expect(Date.parse(data.to) - Date.parse(data.from)).toBe(86_400_000)
    expect(data).toMatchObject({ interval: 'day', timeZone: 'UTC' })
  })

  test('narrows to an agent', async () => {
    const count = async (more: string) =>
      (await ask(supervisor, `/reports/summary?${day}&${more}`)).body.data.totals.calls.value
    expect(await count(`agentId=${agentId}`)).toBe(3)
    expect(await count(`queueId=${agentId}`)).toBe(0)
  })

  test.each([
    ['from=2026-10-26T00:00:00Z&to=2026-10-26T00:00:00Z', '/query/from'],
    ['from=2025-01-01T00:00:00Z&to=2026-10-26T00:00:00Z', '/query/from'],
    ['from=1969-12-31T23:00:00Z&to=1970-01-02T00:00:00Z', '/query/from'],
    ['from=2026-09-01T00:00:00Z&to=2026-10-26T00:00:00Z&interval=15min', '/query/interval'],
    ['from=yesterday', '/query/from'],
    ['timeZone=Mars/Olympus', '/query/timeZone'],
    ['interval=minute', '/query/interval'],
    ['serviceLevelSeconds=0', '/query/serviceLevelSeconds'],
    ['queueId=7', '/query/queueId'],
    ['groupBy=queue', '/query/groupBy'],
  ])('refuses %s', async (query, pointer) => {
    const { status, body } = await ask(supervisor, `/reports/summary?${query}`)
    expect([status, body.code]).toEqual([422, 'validation_failed'])
    expect(body.errors).toMatchObject([{ pointer }])
  })

  test('takes 400 days and 5,000 intervals', async () => {
    const widest = 'from=2025-01-01T00:00:00Z&to=2026-02-05T00:00:00Z'
    expect((await ask(supervisor, `/reports/summary?${widest}`)).status).toBe(200)
    const most = 'from=2026-01-01T00:00:00Z&to=2026-02-22T02:00:00Z&interval=15min'
    const { body } = await ask(supervisor, `/reports/summary?${most}`)
    expect(body.data.series).toHaveLength(5_000)
  })
})

describe('GET /reports/calls', () => {
  const rows = async (query: string) => {
    const { body } = await ask(supervisor, `/reports/calls?${day}&${query}`)
    return CallsReport.parse(body.data).rows
  }

  test('shows calls by direction, and by agent with those that have none at the end', async () => {
    expect(await rows('')).toMatchObject([
      { group: 'inbound', calls: 1, callsAnswered: 1, averageTalkSeconds: null },
      { group: 'outbound', calls: 3, callsAnswered: 2, averageTalkSeconds: 45.5 },
    ])
    expect(await rows('groupBy=agent')).toMatchObject([
      { group: agentId, calls: 3 },
      { group: null, calls: 1 },
    ])
    expect(await rows('groupBy=queue')).toMatchObject([{ group: null, calls: 4 }])
  })

  test('shows the hours of a zone that is off by three quarters of one', async () => {
    const query = 'from=2026-10-25T12:00:00Z&to=2026-10-25T14:00:00Z&timeZone=Asia/Kathmandu'
    const { body } = await ask(supervisor, `/reports/calls?${query}&groupBy=hour`)
    expect(
      body.data.rows.map((row: { group: string; calls: number }) => [row.group, row.calls]),
    ).toEqual([
      ['2026-10-25T12:00:00.000Z', 2],
      ['2026-10-25T12:15:00.000Z', 1],
      ['2026-10-25T13:15:00.000Z', 1],
    ])
  })

  test('is a file with the same numbers', async () => {
    const json = await rows('groupBy=agent')
    const { body } = await ask(supervisor, `/reports/calls?${day}&groupBy=agent&format=csv`)
    expect(rowsOf(body)).toEqual(
      json.map((row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, `${value ?? ''}`])),
      ),
    )
  })

  test('has at most 5,000 hours', async () => {
    const year = 'from=2025-10-01T00:00:00Z&to=2026-10-01T00:00:00Z&groupBy=hour'
    expect((await ask(supervisor, `/reports/calls?${year}`)).status).toBe(422)
  })
})

describe('reports', () => {
  test.each(['/reports/summary', '/reports/calls'])(
    '%s is for supervisors and admins',
    async (path) => {
      const seen = async (token: string | undefined) => (await ask(token, path)).status
      expect(await seen(supervisor)).toBe(200)
      expect(await seen(await tokenOf('admin'))).toBe(200)
      expect(await seen(await tokenOf('agent'))).toBe(403)
      expect(await seen(await tokenOf('user'))).toBe(403)
      expect(await seen(undefined)).toBe(401)
    },
  )

  test('tell in /health that the database answers', async () => {
    const { status, body } = await ask(undefined, '/health')
    expect([status, body.info.database.status]).toEqual([200, 'up'])
  })
})
