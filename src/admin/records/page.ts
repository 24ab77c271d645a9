import { BadRequest } from './bad-request.ts'

export interface Page {
  readonly limit: number
  readonly offset: number
  /** The id that the page begins after. */
  readonly after: string | null
}

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1000
const MAX_OFFSET = 2 ** 31 - 1

/**
 * `limit`, `offset` and a cursor, which exclude each other.
 * @param cursor the name of the parameter that holds it
 * @throws BadRequest
 */
export function parsePage(query: URLSearchParams, cursor: string): Page {
  const limit = integer(query, 'limit') ?? DEFAULT_LIMIT
  const offset = integer(query, 'offset') ?? 0
  const after = query.get(cursor)
  if (offset < 0 || offset > MAX_OFFSET) throw invalid('offset')
  if (after !== null && after !== '' && offset > 0) {
    throw new BadRequest('Query parameters have invalid values.', {
      detail: `Cannot use both ${cursor} and offset pagination in the same request.`,
    })
  }
  if (limit < 1 || limit > MAX_LIMIT) {
    throw new BadRequest('Invalid pagination limit value.', {
      detail: `Pagination limit must be in range (0, ${MAX_LIMIT}]`,
    })
  }
  return { limit, offset, after: after === '' ? null : after }
}

export interface ThreadPage {
  readonly limit: number
  readonly after: string | null
  readonly before: string | null
}

const DEFAULT_THREADS = 50
const MAX_THREADS = 200

/** @throws BadRequest */
export function parseThreadPage(query: URLSearchParams): ThreadPage {
  const after = query.get('after_id') ?? ''
  const before = query.get('before_id') ?? ''
  if (after !== '' && before !== '') {
    throw new BadRequest('Cannot use both after_id and before_id in the same request.')
  }
  const limit = integer(query, 'limit', 'Invalid limit query parameter.') ?? DEFAULT_THREADS
  if (limit < 1 || limit > MAX_THREADS) {
    throw new BadRequest('Invalid limit query parameter.', {
      detail: `Limit must be between 1 and ${MAX_THREADS}.`,
    })
  }
  return {
    limit,
    after: after === '' ? null : after,
    before: before === '' ? null : before,
  }
}

function integer(
  query: URLSearchParams,
  name: string,
  message = 'Query parameters have invalid values.',
): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  if (!/^-?\d{1,10}$/.test(text)) throw invalid(name, message)
  return Number(text)
}

function invalid(name: string, message = 'Query parameters have invalid values.'): BadRequest {
  return new BadRequest(message, {
    validations: [
      { field: name, detail: `Query param "${name}" must be a valid positive integer` },
    ],
  })
}
