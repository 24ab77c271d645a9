import assert from 'node:assert/strict'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { NO_LIMITS } from '../../src/kernel/budget.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { PostgresLink } from '../../src/record/postgres/link.ts'
import { LOCK_CLASS, LOCKS } from '../../src/record/postgres/schema.ts'
import { serverData } from '../../src/record/postgres/server-data.ts'
import { PostgresBooks } from '../../src/record/postgres-books.ts'
import { Recorder } from '../../src/record/recorder.ts'
import { ask, type Work } from '../../src/record/work.ts'
import { ended, intent, response, SETTINGS } from '../record/books-support.ts'
import { begins } from '../record/entries.ts'
import { listenOnLoopback } from '../support/listen.ts'
import { createPki, testPki } from '../support/pki.ts'
import { parsePostgresUrl, startPostgres } from '../support/postgres.ts'

const postgres = await startPostgres()
after(() => postgres[Symbol.asyncDispose]())

/** A network between a daemon and its server, which can be cut or fall silent. */
interface Network extends AsyncDisposable {
  readonly url: string
  cut(): void
  silence(isSilent: boolean): void
}

async function network(url: string): Promise<Network> {
  const pairs = new Set<readonly [Socket, Socket]>()
  let isSilent = false
  const server = createServer(client => {
    const upstream = connect(join(new URL(url).searchParams.get('host') ?? '', '.s.PGSQL.5432'))
    const pair = [client, upstream] as const
    pairs.add(pair)
    for (const [from, to] of [pair, pair.toReversed() as [Socket, Socket]] as const) {
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy() && pairs.delete(pair))
      // What comes during a silence is lost, as on a line that is down.
      from.on('data', chunk => isSilent || to.write(chunk))
    }
  })
  const port = await listenOnLoopback(server)
  const cut = (): void => {
    for (const [client] of pairs) client.destroy()
  }
  return {
    url: `postgres://postgres@127.0.0.1:${port}${new URL(url).pathname}`,
    cut,
    silence(silent) {
      isSilent = silent
    },
    async [Symbol.asyncDispose]() {
      server.close()
      cut()
    },
  }
}

async function openRecorder(url: string, beginTimeoutMs = 5000): Promise<Recorder> {
  return await Recorder.open({
    store: new PostgresBooks({ server: parsePostgresUrl(url) }),
    clock: systemClock,
    settings: () => SETTINGS,
    queueSize: 10_000,
    writeLine: () => undefined,
    onState: () => undefined,
    beginTimeoutMs,
  })
}

test('connections that are cut at any moment lose nothing and count nothing twice', async () => {
  const url = postgres.createDatabase()
  await using between = await network(url)
  await using recorder = await openRecorder(between.url)
  const begun: string[] = []
  const load = { isOver: false }
  let failed = 0
  const callForever = async (): Promise<void> => {
    while (!load.isOver) {
      const call = intent()
      try {
        await recorder.begin(call)
      } catch {
        failed += 1
        await delay(5)
        continue
      }
      begun.push(call.callId)
      recorder.response(call.callId, response())
      recorder.finish(ended(call))
      await delay(1)
    }
  }
  const callers = Array.from({ length: 8 }, callForever)
  for (let cuts = 0; cuts < 12; cuts += 1) {
    await delay(100 + Math.random() * 300)
    between.cut()
  }
  load.isOver = true
  await Promise.all(callers)
  while (!recorder.available || recorder.queued > 0) {
    await recorder.flush()
    await delay(20)
  }
  assert.ok(begun.length > 20 && failed > 0, `${begun.length} begun, ${failed} failed`)
  const rows = postgres.rows(
    url,
    `SELECT i.id, i.status, count(t.position) AS usages
    FROM interceptions i LEFT JOIN token_usages t ON t.interception = i.seq GROUP BY i.id, i.status`,
  )
  const known = new Map(rows.map(row => [String(row['id']), row]))
  for (const id of begun) {
    assert.deepEqual(known.get(id), { id, status: 'completed', usages: 1 })
  }
})

test('a network that falls silent is waited for no longer than is bearable', async () => {
  const url = postgres.createDatabase()
  await using between = await network(url)
  await using recorder = await openRecorder(between.url, 500)
  await recorder.begin(intent())
  between.silence(true)
  const start = performance.now()
  await assert.rejects(recorder.begin(intent()), { reason: 'accounting_unavailable' })
  assert.ok(performance.now() - start < 2000)
  while (recorder.available) await delay(50)
  assert.ok(performance.now() - start < 12_000, 'the connection is given up')
  between.silence(false)
  while (!recorder.available) await delay(50)
  await recorder.begin(intent())
})

test('a daemon that stops in the middle of a transaction holds up the others for seconds only', async () => {
  const url = postgres.createDatabase()
  await using recorder = await openRecorder(url)
  await recorder.begin(intent())
  const server = serverData(parsePostgresUrl(url))
  await using stopped = new PostgresLink({ server, session: '', prepare: false })
  // From here on it says nothing more.
  await stopped.use(async runner => {
    await runner.run(
      statements('BEGIN', `SELECT pg_advisory_xact_lock(${LOCK_CLASS}, ${LOCKS.shared})`),
    )
  })
  const start = performance.now()
  const limits = { ...NO_LIMITS, callsPerSecond: 5 }
  const begin = async (): Promise<boolean> =>
    recorder.begin(intent(), limits).then(
      () => true,
      () => false,
    )
  while (!(await begin()));
  const waited = performance.now() - start
  assert.ok(waited > 1000 && waited < 12_000, `${waited} ms`)
})

function* statements(...texts: readonly string[]): Work<void> {
  for (const text of texts) yield ask(text)
}

test('the server is verified as far as the URL says, and passwords go no further', async () => {
  const password = 'canary-4410'
  const port = await freePort()
  const certificate = testPki().issue(['localhost'])
  await using server = await startPostgres({ tls: { port, password, certificate } })
  const { pathname } = new URL(server.createDatabase())
  const [byName, byAddress] = [`localhost:${port}${pathname}`, `127.0.0.1:${port}${pathname}`]
  const [root, otherRoot] = [testPki().certFile, createPki('Other root').certFile]
  const untrusted = /self-signed|unable to (verify|get)|signature failure/
  const wrongName = /does not match certificate's altnames|not in the cert/
  const cases: readonly (readonly [rest: string, problem: RegExp | undefined])[] = [
    [`${byName}?sslmode=verify-full&sslrootcert=${root}`, undefined],
    [`${byAddress}?sslmode=verify-ca&sslrootcert=${root}`, undefined],
    [`${byAddress}?sslmode=require`, undefined],
    [`${byAddress}?sslmode=verify-full&sslrootcert=${root}`, wrongName],
    [`${byName}?sslmode=verify-full`, untrusted],
    [`${byName}?sslmode=verify-full&sslrootcert=${otherRoot}`, untrusted],
    [`${byAddress}?sslmode=require&sslrootcert=${otherRoot}`, untrusted],
    [`${byName}?sslmode=verify-full&sslrootcert=/nowhere.pem`, /sslrootcert .*ENOENT/],
    [`${byName}?sslmode=disable`, /the server refuses the user: look at its pg_hba/],
  ]
  for (const [rest, problem] of cases) {
    await using books = booksAt(`postgres://postgres:${password}@${rest}`)
    const written = books.commit({ entries: [begins(intent())], text: 'true', lines: false })
    if (problem === undefined) assert.deepEqual((await written).refused, [], rest)
    else await assert.rejects(written, problem, rest)
  }
  await using books = booksAt(`postgres://postgres:${password}x@${cases[0]?.[0] ?? ''}`)
  await assert.rejects(books.closeDead(), (error: Error) => {
    assert.match(error.message, /the password is wrong: correct CODER_PG_CONNECTION_URL/)
    return !error.message.includes(password)
  })
})

function booksAt(url: string): PostgresBooks {
  return new PostgresBooks({ server: parsePostgresUrl(url) })
}

/** PostgreSQL takes no port 0. */
async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listenOnLoopback(server)
  server.close()
  return port
}
