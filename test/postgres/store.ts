import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { gatherDatabase } from '../../src/cli/doctor/database.ts'
import { askBooks } from '../../src/record/ask-books.ts'
import type { CommitResult } from '../../src/record/book-store.ts'
import type { Entry } from '../../src/record/entry.ts'
import { PostgresLink } from '../../src/record/postgres/link.ts'
import { ensureSchema } from '../../src/record/postgres/schema.ts'
import { serverData } from '../../src/record/postgres/server-data.ts'
import { PostgresBooks } from '../../src/record/postgres-books.ts'
import { deploymentId } from '../../src/record/tokens.ts'
import { intent } from '../record/books-support.ts'
import { answers, asks, begins, ends } from '../record/entries.ts'
import { parsePostgresUrl, startPostgres } from '../support/postgres.ts'

const postgres = await startPostgres()
after(() => postgres[Symbol.asyncDispose]())

interface World extends AsyncDisposable {
  readonly books: PostgresBooks
  readonly server: ReturnType<typeof parsePostgresUrl>
  readonly rows: (sql: string) => Record<string, unknown>[]
  readonly write: (...entries: Entry[]) => Promise<CommitResult>
}

function open(url = postgres.createDatabase()): World {
  const server = parsePostgresUrl(url)
  const books = new PostgresBooks({ server })
  return {
    books,
    server,
    rows: sql => postgres.rows(url, sql),
    write: (...entries) => books.commit({ entries, text: 'true', lines: false }),
    [Symbol.asyncDispose]: () => books[Symbol.asyncDispose](),
  }
}

const tool = (callId: string) => ({ callId, name: 'Bash', input: '{}', serverUrl: null })

test('daemons that come to a new database at the same moment make its schema once', async () => {
  for (let round = 0; round < 4; round += 1) {
    const server = serverData(parsePostgresUrl(postgres.createDatabase()))
    const options = { server, session: '', prepare: false, prelude: ensureSchema }
    const links = Array.from({ length: 6 }, () => new PostgresLink(options))
    await Promise.all(links.map(link => link.use(runner => runner.run(deploymentId()))))
    await Promise.all(links.map(link => link[Symbol.asyncDispose]()))
  }
})

test('an entry that cannot be stored is refused alone, and the others are stored', async () => {
  await using world = open()
  const calls = [intent(), intent({ kind: 'telepathy' as 'bridged' }), intent()]
  const { refused } = await world.write(...calls.map(one => begins(one)))
  assert.deepEqual(refused, [1])
  const stored = world.rows('SELECT id FROM interceptions ORDER BY seq')
  assert.deepEqual(
    stored.map(({ id }) => id),
    [calls[0]!.callId, calls[2]!.callId],
  )
})

test('a batch that is written a second time changes nothing', async () => {
  await using world = open()
  const call = intent({ kind: 'websocket' })
  const entries: Entry[] = [begins(call)]
  for (const id of ['resp_1', 'resp_2']) {
    entries.push(asks(call, { prompt: `for ${id}` }))
    entries.push(answers(call, { responseId: id, tools: [tool(id)] }))
  }
  entries.push(ends(call))
  const everything = () =>
    ['interceptions', 'user_prompts', 'token_usages', 'tool_usages'].map(table =>
      world.rows(`SELECT * FROM ${table} ORDER BY 1, 2`),
    )
  await world.write(...entries)
  const once = everything()
  await world.write(...entries)
  assert.deepEqual(everything(), once)
  assert.deepEqual(
    world.rows('SELECT prompt, response_id FROM user_prompts ORDER BY position').map(Object.values),
    [
      ['for resp_1', 'resp_1'],
      ['for resp_2', 'resp_2'],
    ],
  )
})

test('what PostgreSQL cannot hold is replaced, and the rest of the text kept', async () => {
  await using world = open()
  const call = intent()
  const prompt = "a\0b \ud800 'quoted' :name $1 \u{1f600}"
  const { refused } = await world.write(begins(call), asks(call, { prompt }))
  assert.deepEqual(refused, [])
  const [row] = world.rows('SELECT prompt FROM user_prompts')
  assert.equal(row?.['prompt'], "a\ufffdb \ufffd 'quoted' :name $1 \u{1f600}")
})

test('a thread is found although its calls went to two daemons at the same moment', async () => {
  const url = postgres.createDatabase()
  await using one = open(url)
  await using other = open(url)
  for (let round = 0; round < 15; round += 1) {
    const id = `toolu_${round}`
    const [first, second] = [intent(), intent()]
    await one.write(begins(first))
    await other.write(begins(second))
    await Promise.all([
      one.write(answers(first, { tools: [tool(id)] })),
      other.write(asks(second, { correlatingToolCallId: id })),
    ])
    const [row] = one.rows(
      `SELECT thread_parent_id FROM interceptions WHERE id = '${second.callId}'`,
    )
    assert.equal(row?.['thread_parent_id'], first.callId, `round ${round}`)
  }
})

test('only the calls of a daemon that is gone become interrupted', async () => {
  const url = postgres.createDatabase()
  await using living = open(url)
  const [open1, open2] = [intent({ user: 'living' }), intent({ user: 'gone' })]
  await living.write(begins(open1))
  const gone = open(url)
  await gone.write(begins(open2))
  assert.equal(await living.books.closeDead(), 0, 'both live')
  // Its connection is cut, and for want of a call it does not notice.
  const [row] = postgres.rows(
    url,
    `SELECT count(pg_terminate_backend(pid)) AS n FROM pg_locks
    WHERE locktype = 'advisory' AND objid = (SELECT lock FROM instances ORDER BY lock DESC LIMIT 1)`,
  )
  assert.equal(row?.['n'], 1)
  for (let tries = 0; (await living.books.closeDead()) === 0 && tries < 100; tries += 1);
  const states = (): unknown[] =>
    living.rows('SELECT "user", status FROM interceptions ORDER BY seq').map(Object.values)
  assert.deepEqual(states(), [
    ['living', 'in_progress'],
    ['gone', 'interrupted'],
  ])
  await gone.write(ends(open2))
  assert.deepEqual(
    states(),
    [
      ['living', 'in_progress'],
      ['gone', 'completed'],
    ],
    'it lived, after all',
  )
  await gone[Symbol.asyncDispose]()
})

test('retention deletes by age and by size, from several daemons at once', async () => {
  const url = postgres.createDatabase()
  await using one = open(url)
  await using other = open(url)
  const calls = Array.from({ length: 1300 }, (_, index) =>
    intent({ at: index < 1200 ? 1 : Date.now() }),
  )
  await one.write(...calls.map(call => begins(call)))
  await one.write(...calls.flatMap(call => [answers(call, { tools: [tool('t')] }), ends(call)]))
  const policy = { startedBefore: 1000, maxBytes: null }
  const purge = async ({ books }: World): Promise<number> => {
    let total = 0
    for (;;) {
      const { deleted, more } = await books.purge(policy)
      total += deleted
      if (!more) return total
    }
  }
  const totals = await Promise.all([purge(one), purge(other)])
  assert.equal(totals[0] + totals[1], 1200)
  for (const table of ['interceptions', 'tool_usages', 'token_usages']) {
    assert.equal(one.rows(`SELECT count(*) AS n FROM ${table}`)[0]?.['n'], 100, table)
  }
  const { deleted } = await one.books.purge({ startedBefore: null, maxBytes: 20_000 })
  assert.equal(deleted, 100, 'by size, too')
})

test('a batch is one transaction, and survives a server that crashes right after it', async () => {
  // Whoever set this for the server did not think of the books.
  await using server = await startPostgres({ settings: ['synchronous_commit=off'] })
  const url = server.createDatabase()
  await using books = new PostgresBooks({ server: parsePostgresUrl(url) })
  const write = (entries: Entry[]) => books.commit({ entries, text: 'true', lines: false })
  await write([begins(intent())])
  await write(Array.from({ length: 300 }, () => begins(intent())))
  await server.stop('immediate')
  await server.start()
  const found = server.rows(
    url,
    'SELECT count(*) AS n, count(DISTINCT CAST(xmin AS TEXT)) AS transactions FROM interceptions',
  )
  assert.deepEqual(found, [{ n: 301, transactions: 2 }])
})

test('asked before a daemon was ever there, it says so', async () => {
  const place = { stateDir: '/nowhere', postgres: parsePostgresUrl(postgres.createDatabase()) }
  await assert.rejects(
    askBooks(place, 'countCalls', {}),
    /no records yet: is CODER_PG_CONNECTION_URL/,
  )
})

test('the doctor learns what the server is, and leaves it as it was', async () => {
  const url = postgres.createDatabase()
  const facts = await gatherDatabase(parsePostgresUrl(url))
  assert.ok('version' in facts)
  assert.match(facts.version, /^\d+\.\d+$/)
  assert.deepEqual({ ...facts, version: '' }, { version: '', isReadOnly: false, hasRoom: true })
  const schemas = postgres.rows(url, "SELECT 1 FROM pg_namespace WHERE nspname = 'aibridgeproxyd'")
  assert.deepEqual(schemas, [])
  postgres.rows(url, 'CREATE ROLE guest LOGIN')
  const guest = await gatherDatabase(parsePostgresUrl(url.replace('postgres@', 'guest@')))
  assert.equal('hasRoom' in guest && guest.hasRoom, false)
  const nowhere = await gatherDatabase(parsePostgresUrl('postgres://u@127.0.0.1:1/d'))
  assert.match('problem' in nowhere ? nowhere.problem : '', /ECONNREFUSED/)
})

test('a role that owns nothing but its schema is enough', async () => {
  const url = postgres.createDatabase()
  postgres.rows(url, 'CREATE ROLE humble LOGIN; CREATE SCHEMA aibridgeproxyd AUTHORIZATION humble')
  await using humble = open(url.replace('postgres@', 'humble@'))
  const call = intent()
  await humble.write(begins(call), asks(call), answers(call), ends(call))
  assert.equal(await humble.books.ask('countCalls', {}), 1)
  await using books = new PostgresBooks({
    server: parsePostgresUrl(postgres.createDatabase().replace('postgres@', 'humble@')),
  })
  await assert.rejects(books.closeDead(), /CREATE on the database/)
})
