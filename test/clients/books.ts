import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { isJsonObject, type JsonObject, parseJsonObject } from '../support/json.ts'
import { CENTRAL_KEYS, type ProviderName, type World } from './world.ts'

/** Providers whose calls pass the bridge; the rest is tunnelled and on no record. */
export const BRIDGED = ['anthropic', 'openai', 'copilot'] as const

const SETTLE_MS = 10_000
const POLL_MS = 25

/** Where the books and the providers stood before a run. */
export interface BookMark {
  readonly rows: ReadonlySet<unknown>
  readonly exchanges: Readonly<Record<ProviderName, number>>
}

export async function markBooks(world: World): Promise<BookMark> {
  const { anthropic, openai, copilot, gemini, google, bedrock } = world.providers
  return {
    rows: new Set((await readRows(world)).map(row => row['id'])),
    exchanges: {
      anthropic: anthropic.exchanges.length,
      openai: openai.exchanges.length,
      copilot: copilot.exchanges.length,
      gemini: gemini.exchanges.length,
      google: google.exchanges.length,
      bedrock: bedrock.exchanges.length,
    },
  }
}

/**
 * The closed rows since the mark, oldest first: exactly one for each request
 * that a provider saw. A row is closed a moment after the answer has ended.
 */
export async function rowsSince(world: World, mark: BookMark): Promise<readonly JsonObject[]> {
  const deadline = performance.now() + SETTLE_MS
  for (;;) {
    const rows = (await readRows(world)).filter(row => !mark.rows.has(row['id']))
    const booked = rows.map(row => requestLine(row['provider_name'], row['method'], row['path']))
    const seen = BRIDGED.flatMap(name =>
      world.providers[name].exchanges
        .slice(mark.exchanges[name])
        .map(({ method, path }) => requestLine(name, method, path.split('?')[0])),
    )
    const isSettled = booked.toSorted().join('\n') === seen.toSorted().join('\n')
    if (isSettled) return rows.toReversed()
    if (performance.now() > deadline) {
      assert.deepEqual(booked.toSorted(), seen.toSorted(), 'rows, and requests that were seen')
    }
    await delay(POLL_MS)
  }
}

function requestLine(provider: unknown, method: unknown, path: unknown): string {
  return [provider, method, path].join(' ')
}

async function readRows(world: World): Promise<readonly JsonObject[]> {
  return objectsIn(await readBooks(world, 'interceptions?limit=1000'), 'results')
}

/** An answer of the API about everybody's records, without a secret in it. */
export async function readBooks(world: World, route: string): Promise<JsonObject> {
  const url = `${world.daemon.apiUrl}/api/v2/aibridge/${route}`
  const answer = await fetch(url, { headers: { 'coder-session-token': world.auditorToken } })
  const text = await answer.text()
  assert.equal(answer.status, 200, `${route}: ${text.slice(0, 300)}`)
  assertNoSecret(world, text)
  return parseJsonObject(text)
}

function assertNoSecret(world: World, text: string): void {
  const basic = Buffer.from(`clients:${world.token}`).toString('base64')
  const secrets = [world.token, basic, world.auditorToken, ...Object.values(CENTRAL_KEYS)]
  for (const secret of [...secrets, ...Object.values(OWN_KEYS)]) {
    assert.ok(!text.includes(secret), 'a secret is in the records')
  }
}

/** Credentials of the clients' own, which no central key replaces. */
export const OWN_KEYS = {
  github: 'gho_0000000000000000000000000000000000',
  gemini: 'gemini-own-key-000000',
} as const

export function objectsIn(object: JsonObject, key: string): readonly JsonObject[] {
  const list = object[key]
  assert.ok(Array.isArray(list), `${key} is a list`)
  return list.filter(isJsonObject)
}
