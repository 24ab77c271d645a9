import type { Charge } from '../kernel/budget.ts'

/** What the recorder remembers of a call from its beginning to its end. */
export interface OpenCall {
  /** A request was seen, and the structured log has its start. */
  isTold: boolean
  /** Entries that had to be dropped. */
  lost: number
  /** The purses that it is paid from. */
  readonly charges: readonly Charge[]
  /** Its provider has answered, and was asked again. */
  isContinued: boolean
  /** It was refused from memory. */
  readonly isRepeated: boolean
  readonly onExhausted: () => void
}

export const UNTOLD: OpenCall = {
  isTold: false,
  lost: 0,
  charges: [],
  isContinued: false,
  isRepeated: false,
  onExhausted: () => undefined,
}
