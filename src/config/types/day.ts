import type { ValueType } from '../option.ts'
import { parsed, quote, unparsable } from '../parsed.ts'

/** A day of the calendar; its beginning in UTC, in milliseconds since the epoch. */
export const day: ValueType<number> = {
  label: 'day',
  list: false,
  parse(text) {
    const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN
    // A day that the calendar does not have comes out as another one.
    if (!Number.isNaN(time) && day.format(time) === text) return parsed(time)
    return unparsable(`${quote(text)} is not a day: write it as in 2026-11-01`)
  },
  format: time => new Date(time).toISOString().slice(0, 10),
  json: value => (value === undefined ? '' : day.format(value)),
}
