import type { Reason } from './reasons.ts'

/**
 * A refusal on its way to whoever answers it. `detail` is for the operator's
 * log only; the client sees the reason's public text and nothing else.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly reason: Reason
  readonly detail: string | undefined

  constructor(reason: Reason, detail?: string, options?: ErrorOptions) {
    super(detail === undefined ? reason : `${reason}: ${detail}`, options)
    this.reason = reason
    this.detail = detail
  }
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

/** The text of anything thrown, for operators; `cause` chains are followed. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : ''
  const text = `${error.message}${error.message.includes(code.trim()) ? '' : code}`
  if (error instanceof AggregateError && error.errors.length > 0) {
    return `${text}${text === '' ? '' : ': '}${error.errors.map(describeError).join('; ')}`
  }
  return error.cause === undefined ? text : `${text}: ${describeError(error.cause)}`
}
