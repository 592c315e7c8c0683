/** Devices of others, and devices that misbehave, at one system: starting it takes longer than most of the tests. */
import './devices/abuse.ts'
import './devices/aws-shadow.ts'
import './devices/request-response.ts'
