/**
 * The pages as text of HTML documents, and the headers they are sent with. What the engine renders itself (device codes,
 * sign-out, errors) takes them from here, with `pageHeaders([redirectUri])` or, before its own pages that submit themselves,
 * `pagePolicy([redirectUri])`: the engine adds the hash of its inline script to a `script-src` that is there.
 */
export { consentPage } from './consent.tsx'
export { deviceConfirmPage, deviceDonePage, devicePage } from './device.tsx'
export { errorPage } from './error.tsx'
export { pageHeaders, pagePolicy } from './headers.ts'
export { passwordResetPage } from './password-reset.tsx'
export { secondFactorPage } from './second-factor.tsx'
export { signInPage } from './sign-in.tsx'
export { loggedOutPage, logoutPage } from './sign-out.tsx'
