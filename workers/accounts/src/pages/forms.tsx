import type { Child } from 'hono/jsx'
import { Hidden } from './parts.tsx'

/** Where the forms of an interaction go, and the token that shows they were made for this browser (see form-token.ts). */
export interface FormTarget {
  action: string
  csrf: string
}

export interface StepFormProps {
  target: FormTarget
  /** What the form is; left out where its buttons say so. */
  step?: string
  class?: string
  /** What a script of ours looks for. */
  data?: Readonly<Record<`data-${string}`, string>>
  hidden?: boolean
  children: Child
}

/** A form of a sign-in. Each says which step it is. */
export const StepForm = ({ target, step, data = {}, children, ...rest }: StepFormProps) => (
  <form method="post" action={target.action} {...rest} {...data}>
    <Hidden fields={{ csrf: target.csrf, ...(step === undefined ? {} : { step }) }} />
    {children}
  </form>
)

export interface PasskeyFormProps {
  target: FormTarget
  step: string
  /** Where the step takes others too. */
  method?: string
  label: string
  primary?: boolean
  /** Of a ceremony that has begun, as JSON with its `challengeId`; without, the script asks for one. */
  options?: string
}

/** Shows a passkey: a script of ours fills the fields in. Not shown where the browser has none. */
export const PasskeyForm = ({
  target,
  step,
  method,
  label,
  primary = false,
  options = '',
}: PasskeyFormProps) => (
  <StepForm target={target} step={step} class="stack" data={{ 'data-passkey': options }} hidden>
    <Hidden
      fields={{ challengeId: '', credential: '', ...(method === undefined ? {} : { method }) }}
    />
    <p class="notice error" role="alert" data-problem hidden />
    <button type="submit" class={primary ? 'primary' : 'secondary'}>
      {label}
    </button>
  </StepForm>
)

/** Other ways out: back to the app without a sign-in, or to the first step. */
export const WaysOut = ({ target, restart = false }: { target: FormTarget; restart?: boolean }) => (
  <StepForm target={target} class="ways-out">
    {restart ? (
      <button type="submit" class="link" name="step" value="restart">
        Use another account
      </button>
    ) : null}
    <button type="submit" class="link" name="step" value="cancel">
      Cancel
    </button>
  </StepForm>
)
