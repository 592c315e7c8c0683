import type { Configuration, ErrorOut, KoaContextWithOIDC } from 'oidc-provider'
import {
  deviceConfirmPage,
  deviceDonePage,
  devicePage,
  errorPage,
  loggedOutPage,
  logoutPage,
} from '../pages/index.ts'

type Features = NonNullable<Configuration['features']>

/** The pages around a device code (RFC 8628 §3.3). */
export const devicePages = {
  userCodeInputSource: async (ctx, form, _out, err) => {
    show(ctx, devicePage({ form, ...(err === undefined ? {} : { error: nameOf(err) }) }))
  },
  userCodeConfirmSource: async (ctx, form, client, _deviceInfo, userCode) => {
    const { params } = ctx.oidc.deviceCode ?? {}
    const scopes = String(params?.scope ?? '')
      .split(' ')
      .filter((scope) => scope !== '')
    const clientName = client.clientName ?? client.clientId
    show(ctx, deviceConfirmPage({ form, clientName, userCode, scopes }))
  },
  successSource: async (ctx) => {
    const clientName = ctx.oidc.client?.clientName
    show(ctx, deviceDonePage(clientName === undefined ? {} : { clientName }))
  },
} satisfies Partial<NonNullable<Features['deviceFlow']>>

/** The pages around a sign-out. */
export const signOutPages = {
  logoutSource: async (ctx, form) => {
    show(ctx, logoutPage({ form, clientName: ctx.oidc.client?.clientName }))
  },
  postLogoutSuccessSource: async (ctx) => {
    show(ctx, loggedOutPage())
  },
} satisfies Partial<NonNullable<Features['rpInitiatedLogout']>>

/** What cannot be told to the app, because nobody knows whether it is one. */
export async function renderError(ctx: KoaContextWithOIDC, out: ErrorOut): Promise<void> {
  show(
    ctx,
    errorPage({
      title: 'This does not work',
      detail: `${out.error_description ?? 'The request is not valid.'} (${out.error})`,
      requestId: ctx.get('x-request-id') || undefined,
    }),
  )
}

function show(ctx: KoaContextWithOIDC, html: string): void {
  ctx.type = 'html'
  ctx.body = html
}

const nameOf = (error: Error): string => {
  const known = [
    'NoCodeError',
    'NotFoundError',
    'ExpiredError',
    'AlreadyUsedError',
    'AbortedError',
    'TooManyCodesError',
  ]
  return known.includes(error.name)
    ? error.name
    : 'Something is wrong with this request. Start again.'
}
