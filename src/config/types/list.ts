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

/** Names, exact or their beginnings with a star behind. */
export const namePatterns: ValueType<readonly string[]> = {
  ...strings,
  parse(text) {
    const entries = splitList(text)
    const bad = entries.find(entry => entry.slice(0, -1).includes('*'))
    if (bad !== undefined) {
      return unparsable(`${quote(bad)} has a star amid it: a star may only end a name`)
    }
    if (entries.length === 0) return unparsable('the list is empty: name somebody')
    return parsed(entries)
  },
}

export const ports = numbers({ label: 'port', min: 1, max: 65_535, example: '80,443' })

/** HTTP statuses by which a server says that the failure is its own. */
export const serverErrors = numbers({
  label: 'status',
  min: 500,
  max: 599,
  example: '500,503',
})

/** Asymmetric ones only (RFC 7518 3.1, RFC 8037): whoever can check a token must not be able to make one. */
export const signatureAlgorithms = words('algorithm', [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
])

interface NumberList {
  readonly label: string
  readonly min: number
  readonly max: number
  readonly example: string
}

function numbers({ label, min, max, example }: NumberList): ValueType<readonly number[]> {
  const isOne = (entry: string): boolean =>
    /^[1-9]\d{0,4}$/.test(entry) && Number(entry) >= min && Number(entry) <= max
  return {
    label: `${label} list`,
    list: true,
    parse(text) {
      const entries = splitList(text)
      const bad = entries.find(entry => !isOne(entry))
      if (bad !== undefined) {
        const fix = `use numbers from ${min} to ${max}, as in ${example}`
        return unparsable(`${quote(bad)} is not a ${label}: ${fix}`)
      }
      if (entries.length === 0) return unparsable(`the list is empty: name at least one ${label}`)
      return parsed([...new Set(entries.map(Number))])
    },
    format: values => values.join(','),
    json: values => (values ?? []).map(String),
  }
}

function words(label: string, known: readonly string[]): ValueType<readonly string[]> {
  return {
    ...strings,
    label: `${label} list`,
    parse(text) {
      const entries = [...new Set(splitList(text))]
      const bad = entries.find(entry => !known.includes(entry))
      if (bad !== undefined) {
        return unparsable(`${quote(bad)} is not an accepted ${label}: use ${known.join(', ')}`)
      }
      if (entries.length === 0) return unparsable(`the list is empty: name at least one ${label}`)
      return parsed(entries)
    },
  }
}

/** The entries of a comma-separated text, without blanks around them and empty ones. */
export function splitList(text: string): string[] {
  return text
    .split(',')
    .map(entry => entry.trim())
    .filter(entry => entry !== '')
}
