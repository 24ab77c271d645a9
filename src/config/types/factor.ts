import { parseFactor } from '../../kernel/price.ts'
import type { ValueType } from '../option.ts'
import { parsed, quote, unparsable } from '../parsed.ts'

/** What something is multiplied by, in thousandths. */
export const factor: ValueType<number> = {
  label: 'factor',
  list: false,
  parse(text) {
    const value = parseFactor(text)
    if (value !== undefined) return parsed(value)
    return unparsable(`${quote(text)} is not a factor: use a number like 2 or 0.5`)
  },
  format: value => String(value / 1000),
  json: value => (value === undefined ? '' : value / 1000),
}
