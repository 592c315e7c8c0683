/** The number that the lab's carrier gives to this deployment. */
export const LAB_NUMBER = '+12025550100'

/**
 * Variables that differ from production on a developer's machine.
 *
 * @param labUrl the address of carrier and e-mail provider; without it the Workers keep what their wrangler.toml says
 * @param brokerAccess how the broker learns of devices' credentials
 */
export function localVars(
  environment: 'development' | 'test',
  labUrl: string | undefined,
  brokerAccess?: 'ask' | 'tell',
): Record<string, string> {
  return {
    // Tests sign in by the hundred; the strength of the hash is not what they look at.
    ...(environment === 'test'
      ? { BCRYPT_COST: '4', SIGN_INS_PER_MINUTE: '100000', CALL_STARTS_PER_MINUTE: '100000' }
      : {}),
    REQUIRE_ADMIN_SECOND_FACTOR: 'false',
    ...(labUrl === undefined
      ? {}
      : { CARRIER_API_URL: labUrl, CARRIER_NUMBER: LAB_NUMBER, EMAIL_API_URL: labUrl }),
    ...(brokerAccess === undefined ? {} : { BROKER_ACCESS: brokerAccess }),
  }
}
