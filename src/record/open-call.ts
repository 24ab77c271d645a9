/** What the recorder remembers of a call from its beginning to its end. */
export interface OpenCall {
  /** Whether the structured log has its start. */
  isTold: boolean
  /** Entries that had to be dropped. */
  lost: number
  /** It is paid from budgets. */
  readonly isCharged: boolean
  /** It was refused from memory. */
  readonly isRepeated: boolean
  readonly onExhausted: () => void
}

export const UNTOLD: OpenCall = {
  isTold: false,
  lost: 0,
  isCharged: false,
  isRepeated: false,
  onExhausted: () => undefined,
}
