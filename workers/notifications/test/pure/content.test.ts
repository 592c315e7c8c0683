import { NotificationContent } from '@menagerie/contracts'
import { makeEvent } from '@menagerie/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { messageFor } from '../../src/rules/content.ts'

const ownerId = '019aa5b8-7c00-7000-8000-000000000002'
const triggered = (deviceName: string, rule: object = {}) =>
  makeEvent({
    type: 'device.rule.triggered.v1',
    id: 'devices/thermometer-7:9',
    source: '/devices/thermometer-7',
    subject: 'thermometer-7',
    at: 0,
    data: {
      deviceId: 'thermometer-7',
      ownerId,
      deviceName,
      rule: { stream: 'climate', field: 'temperature', operator: 'above', threshold: 30, ...rule },
      value: 31.5,
      triggeredAt: '2026-11-21T10:00:00.000Z',
    },
  })

describe('what people read of a crossed threshold', () => {
  test('names the device, what it measured and when', () => {
    expect(messageFor(triggered('Cellar'))).toEqual({
      ownerId,
      content: {
        title: 'Cellar: temperature above 30',
        body: [
          'temperature is 31.5, above 30.',
          'Device: thermometer-7',
          'Stream: climate',
          'Time: 2026-11-21T10:00:00.000Z',
        ].join('\n'),
      },
    })
    expect(messageFor(triggered('Cellar', { name: 'Wine too warm' }))?.content.title).toBe(
      'Cellar: Wine too warm',
    )
    expect(messageFor(triggered(''))?.content.title).toBe('thermometer-7: temperature above 30')
  })

  test('fits whatever the device is called', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), (name) => {
        const content = messageFor(triggered(name))?.content
        expect(NotificationContent.safeParse(content).success).toBe(true)
        expect(content?.title.isWellFormed()).toBe(true)
      }),
    )
  })

  test('is nothing for events of other types', () => {
    const registered = makeEvent({
      type: 'user.registered.v1',
      id: '1',
      source: '/users/1',
      subject: '1',
      at: 0,
      data: { userId: ownerId, channel: 'sms', registeredAt: '2026-11-21T10:00:00.000Z' },
    })
    expect(messageFor(registered)).toBeUndefined()
  })
})
