import { Secret } from '../../kernel/secret.ts'
import type { ValueType } from '../option.ts'
import { parsed, quote, unparsable } from '../parsed.ts'

/** The forms of Go's `strconv.ParseBool`, which Coder's environment files use. */
const BOOLEANS: Readonly<Record<string, boolean>> = {
  '1': true,
  t: true,
  T: true,
  true: true,
  TRUE: true,
  True: true,
  '0': false,
  f: false,
  F: false,
  false: false,
  FALSE: false,
  False: false,
}

export const bool: ValueType<boolean> = {
  label: 'bool',
  list: false,
  parse(text) {
    const value = Object.hasOwn(BOOLEANS, text) ? BOOLEANS[text] : undefined
    if (value === undefined) return unparsable(`${quote(text)} is not a bool: use true or false`)
    return parsed(value)
  },
  format: String,
  json: value => value ?? '',
}

/** A free text of one line. */
export const string: ValueType<string> = {
  label: 'string',
  list: false,
  parse: text =>
    hasControl(text)
      ? unparsable(`${quote(text)} holds control characters: write it without them`)
      : parsed(text),
  format: value => value,
  json: value => value ?? '',
}

/** A path as the operating system takes it; relative to the working directory. */
export const file: ValueType<string> = { ...string, label: 'file path' }

/** A value that is kept out of every output. */
export const secret: ValueType<Secret> = {
  label: 'secret',
  list: false,
  parse(text) {
    // A line break in a key would end a header; a blank comes from a bad paste.
    if (/[^\x21-\x7e]/.test(text)) {
      return unparsable(
        'the value holds blanks, line breaks or non-ASCII characters: paste it again',
      )
    }
    return parsed(new Secret(text))
  },
  format: String,
  json: () => '',
}

export function integer(bounds: { readonly min: number; readonly max: number }): ValueType<number> {
  return {
    label: 'int',
    list: false,
    parse(text) {
      const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN
      if (value >= bounds.min && value <= bounds.max) return parsed(value)
      const fix = `use a whole number from ${bounds.min} to ${bounds.max}`
      return unparsable(`${quote(text)} is not accepted: ${fix}`)
    },
    format: String,
    json: value => value ?? '',
  }
}

const SIZE_UNITS = new Map([
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
  ['', 1],
])

/** A number of bytes, written plainly or in KiB, MiB or GiB. */
export function size(bounds: { readonly min: number; readonly max: number }): ValueType<number> {
  return {
    label: 'size',
    list: false,
    parse(text) {
      const [, digits, unit] = /^(\d{1,12})(KiB|MiB|GiB|)$/.exec(text) ?? []
      const value = Number(digits) * (SIZE_UNITS.get(unit ?? '') ?? Number.NaN)
      if (value >= bounds.min && value <= bounds.max) return parsed(value)
      const range = `${formatSize(bounds.min)} to ${formatSize(bounds.max)}`
      return unparsable(`${quote(text)} is not a size: use a number of bytes or 16MiB, ${range}`)
    },
    format: formatSize,
    json: value => value ?? '',
  }
}

/** One word out of a list. */
export function oneOf<const W extends string>(...words: readonly W[]): ValueType<W> {
  return {
    label: words.join('|'),
    list: false,
    parse(text) {
      const word = words.find(candidate => candidate === text)
      if (word !== undefined) return parsed(word)
      return unparsable(`${quote(text)} is not accepted: use one of ${words.join(', ')}`)
    },
    format: value => value,
    json: value => value ?? '',
  }
}

function formatSize(value: number): string {
  const whole = [...SIZE_UNITS].find(([, bytes]) => value >= bytes && value % bytes === 0)
  return whole === undefined ? String(value) : `${value / whole[1]}${whole[0]}`
}

function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text)
}
