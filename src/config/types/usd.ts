import { formatDollars, MOST_DOLLARS, type NanoDollars, parseDollars } from '../../kernel/money.ts'
import type { ValueType } from '../option.ts'
import { parsed, quote, unparsable } from '../parsed.ts'

/** An amount of US dollars, exact to the billionth. */
export const usd: ValueType<NanoDollars> = {
  label: 'US dollars',
  list: false,
  parse(text) {
    const value = parseDollars(text)
    if (value !== undefined) return parsed(value)
    return unparsable(
      `${quote(text)} is not an amount: use dollars like 20 or 0.50, up to ${MOST_DOLLARS}`,
    )
  },
  format: formatDollars,
  json: value => (value === undefined ? '' : formatDollars(value)),
}
