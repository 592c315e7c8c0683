/**
 * The first second, since the epoch, that the `iat` of an access token may have. `iat` counts whole seconds (RFC 7519
 * §4.1.6), so the second in which older tokens became void is lost for new ones.
 *
 * @param notBefore milliseconds; 0 while no token was made void
 */
export const firstValidSecond = (notBefore: number): number => Math.floor(notBefore / 1000) + 1
