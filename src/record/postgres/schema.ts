import { ConfigurationError } from '../../kernel/error.ts'
import { MIGRATIONS } from '../migrations.ts'
import { ask, put, type Work } from '../work.ts'
import type { PostgresRunner } from './runner.ts'

/** Of advisory locks: a number that no other program of the database is likely to use. */
export const LOCK_CLASS = 0x61_69_62_70

/** Locks beside those of instances, whose numbers are above 0. */
export const LOCKS = { schema: -1, shared: -2, purge: -3, tokens: -4 }

/** Holds one of `LOCKS` until the transaction ends; waits for whoever has it. */
export function lock(number: number): Work<void> {
  return one('SELECT pg_advisory_xact_lock(CAST(:class AS INTEGER), CAST(:number AS INTEGER))', {
    class: LOCK_CLASS,
    number,
  })
}

function* one(sql: string, values: Readonly<Record<string, number>>): Work<void> {
  yield put(sql, values)
}

/**
 * Brings the schema up to date, from any number of daemons at once.
 * @throws ConfigurationError when a later release wrote the database.
 */
export async function ensureSchema(runner: PostgresRunner): Promise<void> {
  if ((await runner.run(versionOf())) !== MIGRATIONS.length) await runner.transaction(upgrade())
}

function* upgrade(): Work<void> {
  yield* lock(LOCKS.schema)
  const version = yield* versionOf()
  if ((yield ask(SCHEMA)).rows.length === 0) yield put('CREATE SCHEMA aibridgeproxyd', {})
  for (const [index, sql] of MIGRATIONS.entries()) {
    if (index >= version) yield put(toPostgres(sql) + (OWN[index] ?? ''), {})
  }
  yield put(SET_VERSION, { version: String(MIGRATIONS.length) })
}

const SCHEMA = "SELECT 1 AS one FROM pg_namespace WHERE nspname = 'aibridgeproxyd'"
/**
 * The catalogue is asked by SELECT: what its functions (`to_regclass`) answer
 * may be older than the lock that we have just waited for.
 */
const META = `
  SELECT 1 AS one FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
  WHERE nspname = 'aibridgeproxyd' AND relname = 'meta'`

const SET_VERSION = `
  INSERT INTO meta (key, value) VALUES ('schema_version', :version)
  ON CONFLICT (key) DO UPDATE SET value = excluded.value`

function* versionOf(): Work<number> {
  if ((yield ask(META)).rows.length === 0) return 0
  const { rows } = yield ask("SELECT value FROM meta WHERE key = 'schema_version'")
  const version = Number(rows[0]?.['value'] ?? 0)
  if (version <= MIGRATIONS.length) return version
  throw new ConfigurationError([
    `the database was written by a later release (schema ${version}, this one knows ${MIGRATIONS.length}): ` +
      'install that release again, or restore the backup made before the upgrade',
  ])
}

/**
 * The schema is written once, for SQLite. Text compares by its bytes here too,
 * whatever language the database speaks.
 */
function toPostgres(sql: string): string {
  return sql
    .replace(/--.*$/gm, '')
    .replace(/CREATE TRIGGER[\s\S]*?\bEND;/g, '')
    .replace(/(?<!")\buser\b(?!")/g, '"user"')
    .replace(/\bINTEGER\s+PRIMARY KEY\b/g, 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY')
    .replace(/\bINTEGER\b/g, 'BIGINT')
    .replace(/\bREAL\b/g, 'DOUBLE PRECISION')
    .replace(/\bTEXT\b/g, 'TEXT COLLATE "C"')
    .replace(/\)\s*(STRICT|WITHOUT ROWID)(,\s*(STRICT|WITHOUT ROWID))?\s*;/g, ');')
}

/** What a migration needs here beside its tables: SQLite's rowid, triggers, numbers of locks. */
const OWN: readonly (string | undefined)[] = [
  'ALTER TABLE tokens ADD COLUMN rowid BIGINT GENERATED ALWAYS AS IDENTITY;',
  `
  ALTER TABLE instances ADD COLUMN lock INTEGER GENERATED ALWAYS AS IDENTITY;
  CREATE FUNCTION tokens_changed() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$ BEGIN
      UPDATE meta SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT)
        WHERE key = 'tokens_version';
      RETURN NULL;
    END $$;
  CREATE TRIGGER tokens_changed AFTER INSERT OR UPDATE ON tokens
    FOR EACH STATEMENT EXECUTE FUNCTION tokens_changed();
  `,
]
