import type { Reason } from './reasons.ts'

/** A limit that a refused call met, as far as its caller may know it. */
export interface MetLimit {
  /** A name of ours, as `calls`. */
  readonly policy: string
  readonly quota?: number
  readonly unit?: 'concurrent-requests'
  readonly windowMs?: number
}

interface RefusalOptions extends ErrorOptions {
  /** From when another try may do better; milliseconds since the epoch. */
  readonly retryAt?: number
  readonly limit?: MetLimit
  /** A sentence for the client behind the reason's text: our own words, periods and times only. */
  readonly told?: string
}

/**
 * A refusal on its way to whoever answers it. `detail` is for the operator's
 * log only; the client sees the reason's public text, `told`, and when to come
 * again.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly reason: Reason
  readonly detail: string | undefined
  readonly retryAt: number | undefined
  readonly limit: MetLimit | undefined
  readonly told: string | undefined

  constructor(reason: Reason, detail?: string, options?: RefusalOptions) {
    super(detail === undefined ? reason : `${reason}: ${detail}`, options)
    this.reason = reason
    this.detail = detail
    this.retryAt = options?.retryAt
    this.limit = options?.limit
    this.told = options?.told
  }
}

/** What a failure is told as. */
export function asRefusal(error: unknown): Refusal {
  return error instanceof Refusal ? error : new Refusal('internal', undefined, { cause: error })
}

/** What lay behind a refusal, for operators. */
export function detailOf({ detail, cause }: Refusal): string | undefined {
  const texts = new Set([detail, cause === undefined ? undefined : describeError(cause)])
  return [...texts].filter(text => text !== undefined).join(': ') || undefined
}

/**
 * What is wrong with the configuration or the command line, all of it at once.
 * Each problem names the option and the fix. The command exits with 2.
 */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** The code that Node gave an error, as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** The text of anything thrown, for operators; `cause` chains are followed. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = errorCode(error) ?? ''
  const text = error.message.includes(code) ? error.message : `${error.message} (${code})`
  if (error instanceof AggregateError && error.errors.length > 0) {
    return `${text}${text === '' ? '' : ': '}${error.errors.map(describeError).join('; ')}`
  }
  // What is no text may be anything: jose hands a whole JWT on.
  if (!(error.cause instanceof Error) && typeof error.cause !== 'string') return text
  const cause = describeError(error.cause)
  // Many only repeat what they wrap.
  return text.includes(cause) ? text : `${text}: ${cause}`
}
