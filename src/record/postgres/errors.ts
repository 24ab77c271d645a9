import { DatabaseError } from 'pg'
import { describeError } from '../../kernel/error.ts'

/** Classes of SQLSTATE (PostgreSQL manual, appendix A) that blame one entry: its data,
 * a rule of the schema, or its size. They would come again. */
const OF_THE_ENTRY = ['22', '23', '54']

const FIXES: Readonly<Record<string, string>> = {
  '25006': 'the server is read-only: name the primary in CODER_PG_CONNECTION_URL',
  '28000': 'the server refuses the user: look at its pg_hba.conf and CODER_PG_CONNECTION_URL',
  '28P01': 'the password is wrong: correct CODER_PG_CONNECTION_URL',
  '3D000': 'the database does not exist: create it, or correct CODER_PG_CONNECTION_URL',
  '42501':
    'the role may not do that: give it CREATE on the database, or make it the owner of the schema aibridgeproxyd',
  '42P01': "there are no records yet: is CODER_PG_CONNECTION_URL the daemon's?",
  '53100': 'the disk of the server is full: make room',
  '53300': 'the server has no connection left: raise its max_connections',
  '55P03': 'another process holds a lock for too long',
  '57014': 'the server gave up: it took too long',
  '57P01': 'the server is shutting down',
  '57P02': 'the server is shutting down',
  '57P03': 'the server is starting',
}

/** SECURITY: the error itself stays here, because it may repeat values. */
export function problemOf(error: unknown): Error {
  return new Error(explainPostgres(error))
}

/** What is wrong with the database and what mends it. */
export function explainPostgres(error: unknown): string {
  const code = sqlState(error)
  if (code === undefined) return describeError(error)
  const fix = FIXES[code]
  if (fix !== undefined) return fix
  // SECURITY: messages of these classes repeat values, which may be prompts.
  if (OF_THE_ENTRY.some(known => code.startsWith(known))) return `the server said ${code}`
  return describeError(error)
}

/** Whether the server refused what was to be written, so that another try would fail alike. */
export function isOfTheEntry(error: unknown): boolean {
  const code = sqlState(error)
  if (code === undefined) return error instanceof TypeError
  return OF_THE_ENTRY.some(known => code.startsWith(known))
}

/** Whether the connection is as good as before: the server answered, and did not end it. */
export function keepsConnection(error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return error instanceof TypeError
  return error.severity === 'ERROR'
}

function sqlState(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined
}
