import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import {
  databaseFile,
  dataVersion,
  openDatabase,
  refuseOldSqlite,
} from '../../src/record/database.ts'
import { MIGRATIONS } from '../../src/record/migrations.ts'
import { BookReader } from '../../src/record/reader.ts'
import {
  createToken,
  deploymentId,
  listTokens,
  revokeToken,
  temporaryDirectory,
  tokensVersion,
} from './support.ts'

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)

test('a new state directory is 0700 and everything in it 0600, whatever the umask', t => {
  const before = process.umask(0)
  t.after(() => process.umask(before))
  const directory = join(temporaryDirectory(t), 'a', 'state')
  using database = openDatabase(directory)
  database.exec("INSERT INTO meta VALUES ('a', 'b')")
  const file = databaseFile(directory)
  assert.equal(modeOf(directory), '700')
  assert.deepEqual([file, `${file}-wal`, `${file}-shm`].map(modeOf), ['600', '600', '600'])
})

test('the database is in WAL mode, fully synchronous, with foreign keys', t => {
  using database = openDatabase(temporaryDirectory(t))
  const pragma = (name: string): unknown =>
    Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]
  assert.deepEqual(
    ['journal_mode', 'synchronous', 'foreign_keys', 'user_version', 'busy_timeout'].map(pragma),
    ['wal', 2, 1, MIGRATIONS.length, 5000],
  )
})

test('the deployment id stays the same when the database is opened again', t => {
  const directory = temporaryDirectory(t)
  const ids = [1, 2].map(() => {
    using database = openDatabase(directory)
    return deploymentId(database)
  })
  assert.match(ids[0]!, /^[0-9a-f]{8}-[0-9a-f-]{27}$/)
  assert.equal(ids[0], ids[1])
})

test('the data version changes with commits of other connections only', t => {
  const directory = temporaryDirectory(t)
  using ours = openDatabase(directory)
  using theirs = openDatabase(directory)
  const first = dataVersion(ours)
  ours.exec("INSERT INTO meta VALUES ('ours', '')")
  assert.equal(dataVersion(ours), first)
  theirs.exec("INSERT INTO meta VALUES ('theirs', '')")
  assert.notEqual(dataVersion(ours), first)
})

test('processes that open a new state directory at the same moment all succeed', async t => {
  const directory = temporaryDirectory(t)
  const code = `
    import { openDatabase } from '${new URL('../../src/record/database.ts', import.meta.url).href}'
    import { deploymentId } from '${new URL('./support.ts', import.meta.url).href}'
    process.stdin.once('data', () => {
      process.stdout.write(deploymentId(openDatabase(process.argv[1])))
      process.exit(0)
    })
    process.stdout.write('.')`
  const children = Array.from({ length: 6 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', code, directory], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  )
  await Promise.all(children.map(child => once(child.stdout, 'data')))
  const answers = children.map(async child => {
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    const closed = once(child, 'close')
    child.stdin.write('go')
    const [status] = await closed
    assert.equal(status, 0)
    return text
  })
  assert.equal(new Set(await Promise.all(answers)).size, 1)
})

test('a database of a later release is refused and left as it was', t => {
  const directory = temporaryDirectory(t)
  openDatabase(directory).close()
  using later = new DatabaseSync(databaseFile(directory))
  later.exec('PRAGMA user_version = 99')
  assert.throws(() => openDatabase(directory), {
    name: 'ConfigurationError',
    message: /aibridgeproxyd\.db was written by a later release \(schema 99/,
  })
  assert.deepEqual({ ...later.prepare('PRAGMA user_version').get() }, { user_version: 99 })
})

test('a file that is no database is named, with what to do about it', t => {
  const directory = temporaryDirectory(t)
  writeFileSync(databaseFile(directory), 'not a database at all, but long enough'.repeat(100))
  assert.throws(() => openDatabase(directory), {
    name: 'ConfigurationError',
    message: `${databaseFile(directory)}: it is not a database: restore a backup, or move it away to start anew`,
  })
})

test('a damaged database is named, with what to do about it', t => {
  const directory = temporaryDirectory(t)
  openDatabase(directory).close()
  const file = databaseFile(directory)
  const bytes = readFileSync(file)
  // The schema's b-tree on page one follows the 100 bytes of the file header.
  writeFileSync(file, bytes.fill(0xff, 100))
  assert.throws(() => openDatabase(directory), {
    name: 'ConfigurationError',
    message: `${file}: it is damaged: restore a backup, or move it away to start anew`,
  })
})

test('a symbolic link in the place of the database is refused', t => {
  const directory = temporaryDirectory(t)
  const elsewhere = join(temporaryDirectory(t), 'target')
  writeFileSync(elsewhere, '')
  symlinkSync(elsewhere, databaseFile(directory))
  assert.throws(() => openDatabase(directory), /is a symbolic link/)
})

test('a symbolic link to the state directory is followed', t => {
  const real = temporaryDirectory(t)
  const link = join(temporaryDirectory(t), 'link')
  symlinkSync(real, link)
  openDatabase(link).close()
  assert.equal(modeOf(databaseFile(real)), '600')
})

test('a state directory that others may write to is refused', t => {
  const directory = temporaryDirectory(t)
  chmodSync(directory, 0o770)
  assert.throws(() => openDatabase(directory), /is writable by others: chmod 0700 it/)
})

test('a database that others may read is made private', t => {
  const directory = temporaryDirectory(t)
  openDatabase(directory).close()
  chmodSync(databaseFile(directory), 0o644)
  openDatabase(directory).close()
  assert.equal(modeOf(databaseFile(directory)), '600')
})

const isRoot = process.geteuid?.() === 0

test('a database of another user is refused', { skip: !isRoot && 'needs root' }, t => {
  const directory = temporaryDirectory(t)
  openDatabase(directory).close()
  chownSync(databaseFile(directory), 4711, 4711)
  assert.throws(() => openDatabase(directory), /belongs to user id 4711, .*sudo -u '#4711'/)
})

test('a read-only database is named, with what to do about it', t => {
  const directory = temporaryDirectory(t)
  const file = databaseFile(directory)
  openDatabase(directory).close()
  {
    using old = new DatabaseSync(file)
    old.exec('PRAGMA journal_mode = DELETE; PRAGMA user_version = 0')
  }
  chmodSync(file, 0o400)
  // Mode bits do not bind root.
  if (isRoot) {
    chownSync(file, 65_534, 65_534)
    chownSync(directory, 65_534, 65_534)
    process.seteuid?.(65_534)
    t.after(() => process.seteuid?.(0))
  }
  assert.throws(() => openDatabase(directory), {
    name: 'ConfigurationError',
    message: `${file}: it is read-only: make the file and its directory writable`,
  })
  process.seteuid?.(0)
})

test('a state directory that is a file is refused', t => {
  const file = join(temporaryDirectory(t), 'file')
  writeFileSync(file, '')
  assert.throws(() => openDatabase(file), /state directory .*file cannot be used/)
})

test('an SQLite older than 3.51.3 is refused', () => {
  for (const version of ['3.51.2', '3.50.9', '2.99.99', undefined]) {
    assert.throws(() => refuseOldSqlite(version), /use a newer Node/)
  }
  for (const version of ['3.51.3', '3.51.10', '3.53.0', '4.0.0']) refuseOldSqlite(version)
})

test('a database of the first release gets the books and keeps its tokens', t => {
  const directory = temporaryDirectory(t)
  const old = new DatabaseSync(databaseFile(directory))
  old.exec(`${MIGRATIONS[0]}; PRAGMA user_version = 1`)
  const { id } = createToken(old, {
    user: 'ada',
    name: '',
    admin: false,
    createdAt: 0,
    expiresAt: undefined,
  })
  old.close()
  using database = openDatabase(directory)
  assert.deepEqual(
    listTokens(database).map(token => token.id),
    [id],
  )
  assert.equal(tokensVersion(database), '0')
  revokeToken(database, id, 1)
  assert.equal(tokensVersion(database), '1')
  assert.deepEqual(database.prepare('SELECT * FROM interceptions').all(), [])
})

test('calls from before costs were kept have none, and count as unpriced', t => {
  const directory = temporaryDirectory(t)
  const old = new DatabaseSync(databaseFile(directory))
  old.exec(`${MIGRATIONS[0]}; ${MIGRATIONS[1]}; PRAGMA user_version = 2;
    INSERT INTO interceptions (seq, id, instance, user, token_id, provider, provider_type, host,
      method, path, kind, client, session_id, credential_kind, status, started_at)
    VALUES (1, 'call-1', 'one', 'ada', 'token-1', 'openai', 'openai', 'api.openai.com', 'POST', '/',
      'bridged', 'Codex', 'call-1', 'centralized', 'completed', 0);
    INSERT INTO token_usages (interception, position, id, input, extra, created_at)
    VALUES (1, 1, 'usage-1', 5, '{}', 0)`)
  old.close()
  openDatabase(directory).close()
  using reader = new BookReader(directory)
  const [row] = reader.ask('usage', { filter: {}, by: 'user' })
  assert.deepEqual([row?.input, row?.costNano, row?.unpriced, row?.subscription], [5, null, 1, 0])
})
