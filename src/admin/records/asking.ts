import { Refusal } from '../../kernel/error.ts'
import type { Identity } from '../../kernel/flow.ts'
import { REASONS } from '../../kernel/reasons.ts'
import type { AskRecords, RecordFilter } from '../../kernel/records.ts'
import { userId } from '../../kernel/user.ts'
import { respondError } from '../respond.ts'
import type { Exchange } from '../route.ts'
import { BadRequest } from './bad-request.ts'

export interface Asking {
  readonly ask: AskRecords
  readonly identity: Identity
  readonly query: URLSearchParams
  /** Whose records may be seen; null for everybody's. */
  readonly visibleUser: string | null
  readonly exchange: Exchange
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * A route's handler over the books: who asks, what, and what goes wrong with it.
 * SECURITY: `visibleUser` is the only source of whose records an answer holds.
 */
export function askingRecords(
  handle: (asking: Asking) => Promise<void>,
): (exchange: Exchange) => Promise<void> {
  return async exchange => {
    const { deps, holder, request, response } = exchange
    const { records } = deps
    if (records === undefined || holder === undefined) {
      return respondError(response, { status: 404, message: 'No records are kept here.' })
    }
    const { identity, isValid } = holder
    // SECURITY: an export goes on for as long as its client reads.
    const ask: AskRecords = async (question, argument) => {
      if (!isValid()) throw new Refusal('token_revoked')
      return await records(question, argument, identity.user)
    }
    // SECURITY: the deployment gives out its names by itself.
    if (identity.recordsElsewhere === true) {
      return respondError(response, {
        status: 403,
        message: 'Your records are kept by the deployment.',
      })
    }
    const url = request.url ?? ''
    const query = new URLSearchParams(url.includes('?') ? url.slice(url.indexOf('?') + 1) : '')
    const visibleUser = identity.admin ? null : identity.user
    try {
      await handle({ ask, identity, query, visibleUser, exchange })
    } catch (error) {
      if (response.headersSent) throw error
      if (error instanceof BadRequest) return respondError(response, error.answer)
      if (!(error instanceof Refusal) || error.reason === 'token_revoked') throw error
      deps.onError(error)
      const { status } = REASONS[error.reason]
      respondError(response, { status, message: 'The records cannot be read at the moment.' })
    }
  }
}

/**
 * The filter with its initiator resolved (`me`, a name, an id) and cut down to
 * what may be seen. Undefined when nothing can fit.
 */
export async function visibleFilter(
  { ask, identity, visibleUser }: Asking,
  filter: RecordFilter,
): Promise<RecordFilter | undefined> {
  const { user: wanted, ...rest } = filter
  const named =
    wanted === 'me'
      ? identity.user
      : wanted !== undefined && UUID.test(wanted)
        ? await userOfId({ ask, visibleUser }, wanted.toLowerCase())
        : wanted
  if (wanted !== undefined && named === undefined) return undefined
  if (visibleUser !== null && named !== undefined && named !== visibleUser) return undefined
  const user = visibleUser ?? named
  return user === undefined ? rest : { ...rest, user }
}

async function userOfId(
  { ask, visibleUser }: Pick<Asking, 'ask' | 'visibleUser'>,
  id: string,
): Promise<string | undefined> {
  // Whose records may not be seen need not be found.
  if (visibleUser !== null) return userId(visibleUser) === id ? visibleUser : undefined
  return (await ask('userOfId', { id })) ?? undefined
}
