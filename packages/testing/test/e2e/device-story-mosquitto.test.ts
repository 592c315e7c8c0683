import { expect, it } from 'vitest'
import { findMosquitto } from '../../src/broker/index.ts'
import { tellDeviceStory } from './support/device-story.ts'

if (findMosquitto() !== undefined) tellDeviceStory('mosquitto', { withKills: true })
else {
  it('is told over aedes alone: Mosquitto is not installed here', () => {
    expect(findMosquitto()).toBeUndefined()
  })
}
