import type { DatabaseSync } from 'node:sqlite'
import type { MessagePort } from 'node:worker_threads'
import { parentPort, workerData } from 'node:worker_threads'
import { ConfigurationError } from '../kernel/error.ts'
import { dataVersion, openDatabase } from './database.ts'
import { SqliteRunner } from './sqlite-runner.ts'
import type { FromStoreWorker, SqliteStoreData, ToStoreWorker } from './store-protocol.ts'
import { activeTokens, deploymentId, tokensVersion } from './tokens.ts'

/*
 * The database's own thread: SQLite blocks, and the event loop that relays
 * streams must not. An error that nobody expects ends this thread; the other
 * side starts a new one or gives up.
 */

if (parentPort !== null) main(parentPort, workerData)

function main(port: MessagePort, { stateDir, pollMs }: SqliteStoreData): void {
  const send = (message: FromStoreWorker): void => port.postMessage(message)
  const database = open(stateDir, send)
  if (database === undefined) return port.close()

  const runner = new SqliteRunner(database)
  const check = watch(database, runner, send)
  check(undefined)
  send({ type: 'ready', deploymentId: runner.run(deploymentId()) })

  const poll = setInterval(() => check(undefined), pollMs)
  port.on('message', (message: ToStoreWorker) => {
    if (message.type === 'refresh') return check(message.id)
    clearInterval(poll)
    database.close()
    port.close()
  })
}

function open(
  stateDir: string,
  send: (message: FromStoreWorker) => void,
): DatabaseSync | undefined {
  try {
    return openDatabase(stateDir)
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    send({ type: 'refused', problems: error.problems })
    return undefined
  }
}

/**
 * Sends the tokens when another connection has changed them since the last
 * look. The versions are read first: a commit between the reads is seen next
 * time.
 */
function watch(
  database: DatabaseSync,
  runner: SqliteRunner,
  send: (message: FromStoreWorker) => void,
): (id: number | undefined) => void {
  let seen: number | undefined
  let seenTokens: string | undefined
  return id => {
    const version = dataVersion(database)
    const tokens = version === seen ? seenTokens : runner.run(tokensVersion())
    if (tokens !== seenTokens) {
      send({ type: 'tokens', tokens: runner.run(activeTokens(Date.now())) })
    }
    seen = version
    seenTokens = tokens
    send({ type: 'checked', id })
  }
}
