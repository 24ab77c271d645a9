import type { RecordFilter } from '../../kernel/records.ts'
import { BadRequest } from './bad-request.ts'

interface Validation {
  readonly field: string
  readonly detail: string
}

/** What a search may name, and the filter's field that it means. */
const KEYS: Readonly<Record<string, keyof RecordFilter>> = {
  initiator: 'user',
  provider: 'provider',
  provider_name: 'providerName',
  model: 'model',
  client: 'client',
  session_id: 'sessionId',
  started_after: 'startedAfter',
  started_before: 'startedBefore',
}

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i
const MAX_LENGTH = 4096

/** A search is a list of `key:value`, separated by blanks; values may be quoted. */
export interface SearchRules {
  /** The error of the route for a search that cannot be read. */
  readonly message: string
  /** What a word without a key means; undefined makes it an error. */
  readonly bareWord?: string
  /** The keys that may be named; all of them unless given. */
  readonly allowed?: readonly string[]
}

/**
 * Reads `q` into a filter. `initiator` stays as it was written.
 * @throws BadRequest with one validation for each mistake
 */
export function parseSearch(q: string, rules: SearchRules): RecordFilter {
  if (q.length > MAX_LENGTH) {
    const detail = `The search is longer than ${MAX_LENGTH} characters.`
    throw new BadRequest(rules.message, { validations: [{ field: 'q', detail }] })
  }
  const validations: Validation[] = []
  const filter: Record<string, string | number> = {}
  for (const element of splitElements(q)) {
    const term = readTerm(element, rules)
    if ('detail' in term) validations.push(term)
    else if (term.name in filter) {
      const detail = `Query param ${quoted(term.key)} provided more than once`
      validations.push({ field: term.key, detail })
    } else filter[term.name] = term.value
  }
  if (validations.length > 0) throw new BadRequest(rules.message, { validations })
  return filter
}

interface Term {
  readonly key: string
  readonly name: keyof RecordFilter
  readonly value: string | number
}

function readTerm(element: string, rules: SearchRules): Term | Validation {
  const colon = unquotedColon(element)
  const key = colon < 0 ? rules.bareWord : element.slice(0, colon).toLowerCase()
  const value = unquote(element.slice(colon + 1))
  if (colon === 0 || value === '') {
    return {
      field: 'q',
      detail: `Query element ${quoted(element)} cannot start or end with ':'`,
    }
  }
  if (key === undefined) {
    return { field: 'q', detail: `Query element ${quoted(element)} is not of the form key:value` }
  }
  const allowed = rules.allowed ?? Object.keys(KEYS)
  const name = allowed.includes(key) ? KEYS[key] : undefined
  if (name === undefined) {
    return { field: key, detail: `Query param ${quoted(key)} is not a valid query param` }
  }
  if (name !== 'startedAfter' && name !== 'startedBefore') return { key, name, value }

  const time = RFC3339.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(time)
    ? { field: key, detail: `Query param ${quoted(key)} must be a valid date format (RFC 3339)` }
    : { key, name, value: time }
}

function quoted(text: string): string {
  return JSON.stringify(text)
}

function splitElements(q: string): string[] {
  return q.match(/(?:"[^"]*"?|[^\s"])+/g) ?? []
}

/** The colon that ends the key; those in a quoted word are part of it. */
function unquotedColon(element: string): number {
  return element.startsWith('"') ? -1 : element.indexOf(':')
}

function unquote(text: string): string {
  return text.replaceAll('"', '')
}
