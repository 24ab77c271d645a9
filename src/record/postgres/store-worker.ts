import type { MessagePort } from 'node:worker_threads'
import { parentPort, workerData } from 'node:worker_threads'
import { describeError } from '../../kernel/error.ts'
import type { FromStoreWorker, ToStoreWorker } from '../store-protocol.ts'
import { activeTokens, deploymentId, tokensVersion } from '../tokens.ts'
import { PostgresLink } from './link.ts'
import { ensureSchema } from './schema.ts'
import type { PostgresStoreData } from './server-data.ts'

/*
 * The thread that watches the tokens of a server. Many tokens are much to take
 * in, and a server that is away is no reason to end: it is asked again.
 */

const SESSION = "SET statement_timeout = '2s'; SET lock_timeout = '2s'"
/** Whoever waits for an answer gives up after so long. */
const QUERY_MS = 2000

if (parentPort !== null) await main(parentPort, workerData)

async function main(port: MessagePort, { server, pollMs }: PostgresStoreData): Promise<void> {
  const send = (message: FromStoreWorker): void => port.postMessage(message)
  const link = new PostgresLink({
    server,
    session: SESSION,
    prepare: true,
    queryMs: QUERY_MS,
    prelude: ensureSchema,
  })
  const check = watch(link, send)
  try {
    const id = await link.use(runner => runner.run(deploymentId()))
    await check(undefined)
    send({ type: 'ready', deploymentId: id })
  } catch (error) {
    send({
      type: 'refused',
      problems: [`PostgreSQL (CODER_PG_CONNECTION_URL): ${describeError(error)}`],
    })
    return port.close()
  }
  const poll = setInterval(() => {
    // One that waits is enough.
    if (link.load === 0) void check(undefined)
  }, pollMs)
  const close = async (): Promise<void> => {
    clearInterval(poll)
    await link[Symbol.asyncDispose]()
    port.close()
  }
  port.on('message', (message: ToStoreWorker) => {
    void (message.type === 'refresh' ? check(message.id) : close())
  })
}

/**
 * Sends the tokens when they have changed since the last look. Their version is
 * read first: a change between the two is seen next time.
 */
function watch(
  link: PostgresLink,
  send: (message: FromStoreWorker) => void,
): (id: number | undefined) => Promise<void> {
  let seen: string | undefined
  return async id => {
    try {
      await link.use(async runner => {
        const version = await runner.run(tokensVersion())
        if (version === seen) return
        send({ type: 'tokens', tokens: await runner.run(activeTokens(Date.now())) })
        seen = version
      })
      send({ type: 'checked', id })
    } catch (error) {
      send({ type: 'failed', id, problem: describeError(error) })
    }
  }
}
