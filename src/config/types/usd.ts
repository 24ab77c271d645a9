import type { NanoDollars } from '../../kernel/budget.ts'
import type { ValueType } from '../option.ts'
import { parsed, quote, unparsable } from '../parsed.ts'

const NANO = 1_000_000_000
/** The billionths of more would not be whole numbers of JavaScript. */
const MOST = 9_000_000

/** An amount of US dollars, exact to the billionth. */
export const usd: ValueType<NanoDollars> = {
  label: 'US dollars',
  list: false,
  parse(text) {
    const [, whole = '', fraction = ''] = /^(\d{1,7})(?:\.(\d{1,9}))?$/.exec(text) ?? []
    const value = Number(whole) * NANO + Number(fraction.padEnd(9, '0'))
    if (whole !== '' && value <= MOST * NANO) return parsed(value)
    return unparsable(`${quote(text)} is not an amount: use dollars like 20 or 0.50, up to ${MOST}`)
  },
  format: value => String(value / NANO),
  json: value => (value === undefined ? '' : String(value / NANO)),
}
