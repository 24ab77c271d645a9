import type { RecordQueries } from '../../kernel/records.ts'
import type { Dialect, Work } from '../work.ts'
import { budgets } from './budgets.ts'
import { calls, countCalls, findCall } from './calls.ts'
import { names, userOfId } from './names.ts'
import { countSessions, session, sessions } from './sessions.ts'
import { usage } from './sums.ts'
import { threads } from './threads.ts'

type Questions = {
  readonly [K in keyof RecordQueries]: (
    dialect: Dialect,
    argument: RecordQueries[K]['argument'],
  ) => Work<RecordQueries[K]['answer']>
}

/** How each question is answered. */
export const QUESTIONS: Questions = {
  countCalls,
  calls,
  findCall,
  countSessions,
  sessions,
  session,
  threads,
  names,
  userOfId,
  usage,
  budgets,
}
