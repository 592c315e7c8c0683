import { findMosquitto } from '../../src/broker/index.ts'
import { tellDeviceStory } from './support/device-story.ts'

tellDeviceStory('aedes', { withKills: findMosquitto() === undefined })
