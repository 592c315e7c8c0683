export * from './carrier.ts'
export { type TwilioSettings, twilioCarrier } from './twilio.ts'
export {
  voicePath,
  voiceStatusPath,
  voiceStatusUrl,
  voiceUrl,
  xmlAttributes,
  xmlText,
} from './twilio-addresses.ts'
