import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { SqliteRunner } from '../../src/record/sqlite-runner.ts'
import * as tokens from '../../src/record/tokens.ts'

/** A state directory of this test alone, gone when it ends. */
export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'aibp-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export const HOUR = 3_600_000

/** Work on tokens, done at once over an open database. */
export const createToken = (database: DatabaseSync, wanted: tokens.NewToken): tokens.MadeToken =>
  new SqliteRunner(database).run(tokens.createToken(wanted))
export const listTokens = (database: DatabaseSync): tokens.TokenRow[] =>
  new SqliteRunner(database).run(tokens.listTokens())
export const revokeToken = (database: DatabaseSync, id: string, now: number): boolean =>
  new SqliteRunner(database).run(tokens.revokeToken(id, now))
export const activeTokens = (database: DatabaseSync, now: number): tokens.ActiveToken[] =>
  new SqliteRunner(database).run(tokens.activeTokens(now))
export const tokensVersion = (database: DatabaseSync): string =>
  new SqliteRunner(database).run(tokens.tokensVersion())
export const deploymentId = (database: DatabaseSync): string =>
  new SqliteRunner(database).run(tokens.deploymentId())
