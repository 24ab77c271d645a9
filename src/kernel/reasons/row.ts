/** One row of the table of reasons: every face of one refusal. */
export interface ReasonRow {
  readonly status: number
  readonly text: string
  /** What the operator's log calls it: the client's mistake, policy, or trouble. */
  readonly level: 'info' | 'warn' | 'error'
  readonly doc: string
}

/** 400: what was sent is not what it should be. */
export function malformed(text: string, doc: string): ReasonRow {
  return {
    status: 400,
    text,
    level: 'info',
    doc,
  }
}

/** 403 for an address; which rule of ours it broke is not told. */
export function blocked(doc: string): ReasonRow {
  return {
    status: 403,
    text: 'The destination address is not allowed.',
    level: 'warn',
    doc,
  }
}

/** 403 by a rule of the operator. */
export function denied(text: string, doc: string): ReasonRow {
  return { status: 403, text, level: 'warn', doc }
}
