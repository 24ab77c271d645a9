import { respondError, respondJson } from '../respond.ts'
import { askingRecords, visibleFilter } from './asking.ts'
import { BadRequest } from './bad-request.ts'
import { parsePage, parseThreadPage } from './page.ts'
import { parseSearch } from './search.ts'
import { sessionDetailJson, sessionJson } from './session-json.ts'

const SEARCH = { message: 'Invalid session search query.' }

/** `GET …/sessions` */
export const listSessions = askingRecords(async asking => {
  const { ask, query, exchange } = asking
  const { limit, offset, after } = parsePage(query, 'after_session_id')
  const filter = await visibleFilter(asking, parseSearch(query.get('q') ?? '', SEARCH))
  if (filter === undefined) {
    return respondJson(exchange.response, 200, { count: 0, sessions: [] })
  }
  const count = await ask('countSessions', filter)
  const sessions = await ask('sessions', { filter, after, offset, limit })
  if (sessions === null) throw new BadRequest('Invalid pagination cursor.')
  respondJson(exchange.response, 200, { count, sessions: sessions.map(sessionJson) })
})

/** `GET …/sessions/{session_id}` */
export const showSession = askingRecords(async asking => {
  const { ask, query, exchange, visibleUser } = asking
  const page = parseThreadPage(query)
  const id = exchange.params['session_id'] ?? ''
  const session = await ask('session', { id, user: visibleUser })
  if (session === null) {
    return respondError(exchange.response, { status: 404, message: 'Session not found.' })
  }
  const threads = await ask('threads', { sessionId: id, user: session.user, ...page })
  if (threads === null) throw new BadRequest('Invalid pagination cursor.')
  respondJson(exchange.response, 200, sessionDetailJson(session, threads))
})
