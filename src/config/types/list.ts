import type { ValueType } from '../option.ts'
import { parsed, quote, unparsable } from '../parsed.ts'

/** Texts separated by commas, trimmed; blank ones are dropped. */
export const strings: ValueType<readonly string[]> = {
  label: 'string list',
  list: true,
  parse: text => parsed(splitList(text)),
  format: values => values.join(','),
  json: values => values ?? [],
}

/** Ports from 1 to 65535. */
export const ports: ValueType<readonly number[]> = {
  label: 'port list',
  list: true,
  parse(text) {
    const entries = splitList(text)
    const bad = entries.find(entry => !/^[1-9]\d{0,4}$/.test(entry) || Number(entry) > 65_535)
    if (bad !== undefined) {
      return unparsable(`${quote(bad)} is not a port: use numbers from 1 to 65535, as in 80,443`)
    }
    if (entries.length === 0) return unparsable('the list is empty: name at least one port')
    return parsed([...new Set(entries.map(Number))])
  },
  format: values => values.join(','),
  json: values => (values ?? []).map(String),
}

export function splitList(text: string): string[] {
  return text
    .split(',')
    .map(entry => entry.trim())
    .filter(entry => entry !== '')
}
