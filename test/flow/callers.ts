import { openDatabase } from '../../src/record/database.ts'
import { createToken, revokeToken } from '../record/support.ts'
import type { TestDaemon } from '../support/daemon.ts'

/** A caller whom the database knows, and the means to revoke the token. */
export interface TestCaller {
  /** `user:token`. */
  readonly credentials: string
  readonly token: string
  readonly revoke: () => void
}

export function createCaller({ stateDir }: TestDaemon, user = 'bob'): TestCaller {
  using database = openDatabase(stateDir)
  const wanted = { user, name: '', admin: false, createdAt: 1, expiresAt: undefined }
  const { id, token } = createToken(database, wanted)
  return {
    credentials: `${user}:${token.reveal()}`,
    token: token.reveal(),
    revoke: () => {
      using again = openDatabase(stateDir)
      revokeToken(again, id, Date.now())
    },
  }
}
