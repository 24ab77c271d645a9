/** What the doctor has to say of one thing. */
export interface Finding {
  readonly about: string
  readonly state: 'ok' | 'warning' | 'failed'
  readonly text: string
  /** What mends it: a command or an option. */
  readonly fix?: string
}

/** Problems are in front of their fix, each on a line of its own. */
export function formatFinding({ about, state, text, fix }: Finding): string {
  const line = `${state.padEnd(8)}${about}: ${text}\n`
  return fix === undefined ? line : `${line}${' '.repeat(8)}→ ${fix}\n`
}
