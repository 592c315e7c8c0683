import { describe, expect, it } from 'vitest'
import { isAnswerTopic } from './answer-topic.ts'

describe('a response topic', () => {
  it.each(['v1/devices/d1/answers/7', 'v1/devices/d1/answers/ü.1', 'v1/devices/d1/twin/state'])(
    'in the tree of the device is answered on: %s',
    (topic) => {
      expect(isAnswerTopic(topic, 'd1')).toBe(true)
    },
  )

  it.each([
    '',
    'answers/7',
    'v1/devices/d1/answers',
    'v1/devices/d1/answers/',
    'v1/devices/d1/answers/a/b',
    'v1/devices/d1/acks',
    'v1/devices/d1/commands/c1',
    'v1/devices/d2/answers/7',
    'v1/devices/d10/answers/7',
    'v1/devices/d1',
    'v1/devices/d1/',
    '$SYS/broker',
    '$aws/things/d1/shadow/update',
    'v1/devices/d1/answers/+',
    'v1/devices/d1/answers/#',
    'v1/devices/d1/answers/\0',
    'v1/devices/d1/answers/\ud800',
    'v1/devices/d1/answers/\u0001',
    'v1/devices/d1/answers/\u0085',
    'v1/devices/d1/answers/\uffff',
    `v1/devices/d1/answers/${'x'.repeat(257)}`,
    'v1/devices/d1/presence',
    'v1/devices/d1/telemetry/climate',
    'v1/devices/d1/events/door',
    'v1/devices/d1/twin/reported',
    'v1/devices/d1/twin/get',
    'v1/devices/d1/commands/c1/result',
  ])('anywhere else, or where devices send, is not: %j', (topic) => {
    expect(isAnswerTopic(topic, 'd1')).toBe(false)
  })
})
