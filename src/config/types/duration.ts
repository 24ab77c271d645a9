import type { ValueType } from '../option.ts'
import { parsed, quote, unparsable } from '../parsed.ts'

/** Units of Go's `time.ParseDuration`, plus days, in milliseconds. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

const TERM = /(\d{1,12}(?:\.\d{1,9})?)(ns|us|µs|μs|ms|s|m|h|d)/y

/** Node's timers fire at once above 2^31 - 1 ms. */
export const LONGEST_TIMER_MS = 24 * 86_400_000

export const LONGEST_MS = 36_500 * 86_400_000

/** A span of time, in whole milliseconds. */
export function duration(bounds: {
  readonly minMs: number
  readonly maxMs: number
}): ValueType<number> {
  return {
    label: 'duration',
    list: false,
    parse(text) {
      const value = milliseconds(text)
      if (value === undefined) {
        return unparsable(`${quote(text)} is not a duration: use forms like 30s, 1h30m or 60d`)
      }
      if (value < bounds.minMs || value > bounds.maxMs) {
        const range = `${formatDuration(bounds.minMs)} to ${formatDuration(bounds.maxMs)}`
        return unparsable(`${quote(text)} is out of range: use ${range}`)
      }
      return parsed(value)
    },
    format: formatDuration,
    // Go serialises durations as nanoseconds.
    json: value => (value ?? 0) * 1e6,
  }
}

function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  let rest = ms
  let text = ''
  for (const unit of ['d', 'h', 'm', 's', 'ms']) {
    const length = UNITS[unit] ?? 1
    const count = Math.floor(rest / length)
    rest -= count * length
    if (count > 0) text += `${count}${unit}`
  }
  return text
}

function milliseconds(text: string): number | undefined {
  if (text === '0') return 0
  let total = 0
  let at = 0
  while (at < text.length) {
    TERM.lastIndex = at
    const [term, number, unit] = TERM.exec(text) ?? []
    if (term === undefined || unit === undefined) return undefined
    total += Number(number) * (UNITS[unit] ?? Number.NaN)
    at += term.length
  }
  // What rounds to nothing was meant to be something.
  const rounded = Math.round(total)
  return at === 0 || (total > 0 && rounded === 0) ? undefined : rounded
}
