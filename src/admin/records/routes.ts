import type { Route } from '../route.ts'
import { askingRecords } from './asking.ts'
import { listBudgets } from './budgets.ts'
import { exportInterceptions, listInterceptions } from './interceptions.ts'
import { listClients, listModels } from './names.ts'
import { listSessions, showSession } from './sessions.ts'

type Listing = Pick<Route, 'path' | 'summary' | 'handle'>

const LISTINGS: readonly Listing[] = [
  {
    path: '/interceptions',
    summary:
      'Calls, newest first: `q`, `limit`, `offset` or `after_id`. All of them as lines or as a table with `Accept: application/x-ndjson` or `text/csv`.',
    handle: listInterceptions,
  },
  {
    path: '/interceptions/export',
    summary: 'All calls that fit `q`, streamed: `format=ndjson` or `format=csv`.',
    handle: exportInterceptions,
  },
  {
    path: '/sessions',
    summary: 'Sessions, the latest first: `q`, `limit`, `offset` or `after_session_id`.',
    handle: listSessions,
  },
  {
    path: '/sessions/{session_id}',
    summary: 'One session with its threads: `limit`, `after_id` or `before_id`.',
    handle: showSession,
  },
  {
    path: '/budgets',
    summary:
      "The caller's budgets of now, or everybody's for an administrator: amount, spent, held by calls in flight, time of reset.",
    handle: askingRecords(listBudgets),
  },
  {
    path: '/models',
    summary: 'Names of models that were called: `q=model:<prefix>`, `limit`, `offset`.',
    handle: listModels,
  },
  {
    path: '/clients',
    summary: 'Names of clients that called: `q=client:<prefix>`, `limit`, `offset`.',
    handle: listClients,
  },
]

/** The records under both of the names that Coder gives them. Users see their own. */
export const RECORD_ROUTES: readonly Route[] = ['aibridge', 'ai-gateway'].flatMap(name =>
  LISTINGS.map(
    ({ path, summary, handle }): Route => ({
      method: 'GET',
      path: `/api/v2/${name}${path}`,
      access: 'user',
      summary,
      handle,
    }),
  ),
)
