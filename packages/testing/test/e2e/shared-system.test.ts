/**
 * Suites on one system, since a start costs more than most of them: each signs in by itself, ends no session that
 * another one uses, and changes accounts that it made itself. The hosted pages come last: they give a demo user a passkey.
 */
import './shared/page.ts'
import './shared/openid-client.ts'
import './shared/keycloak-connect.ts'
import './shared/ended-sessions.ts'
import './shared/revocation.ts'
import './shared/hosted-pages.ts'
