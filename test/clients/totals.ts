import assert from 'node:assert/strict'
import { runCommand } from '../support/daemon-process.ts'
import { isJsonObject, type JsonObject } from '../support/json.ts'
import type { Exchange } from '../support/provider-exchange.ts'
import { BRIDGED } from './books.ts'
import type { Case, CaseContext } from './case.ts'
import { BILLED } from './record.ts'

const MODEL_CALL = /\/(?:messages|chat\/completions|responses)(?:\?|$)/

/** After all others: `usage` adds up to what the providers answered, to the token. */
export const TOTAL_CASES: readonly Case[] = [
  { client: 'usage (of all of these)', versionCommand: ['node', '--version'], run: runUsage },
]

async function runUsage({ world }: CaseContext): Promise<undefined> {
  const args = ['usage', '--user', 'clients', '--by', 'provider', '--format', 'json']
  const { code, stdout, stderr } = await runCommand(args, world.daemon.env)
  assert.equal(code, 0, stderr)
  const rows: unknown = JSON.parse(stdout)
  assert.ok(Array.isArray(rows))

  // How many failed depends on what each client asks for that the stubs do not have.
  const booked = rows.filter(isJsonObject).map(row => ({ ...row, ...NOT_TOLD }))
  const sent = BRIDGED.map(name => totalOf(name, world.providers[name].exchanges))
  assert.deepEqual(booked.toSorted(byProvider), sent.toSorted(byProvider))
}

/** What costs is another matter, with tests of its own. */
const NOT_TOLD = {
  failed: undefined,
  cost_nano_usd: undefined,
  subscription_calls: undefined,
  unpriced_calls: undefined,
}

function totalOf(name: string, exchanges: readonly Exchange[]): JsonObject {
  const billed = name === 'anthropic' ? BILLED.messages : BILLED.responses
  const answers = exchanges.reduce((sum, exchange) => sum + answersOf(exchange), 0)
  return {
    provider: name,
    calls: exchanges.length,
    ...NOT_TOLD,
    incomplete: 0,
    input_tokens: answers * billed.input,
    output_tokens: answers * billed.output,
    cache_read_input_tokens: answers * billed.cacheRead,
    cache_write_input_tokens: answers * (billed.cacheWrite ?? 0),
  }
}

/** Answers with a bill: one for a call of HTTP, any number for a WebSocket. */
function answersOf({ path, webSocket, events }: Exchange): number {
  if (webSocket) return events.filter(({ text }) => text.includes('"response.completed"')).length
  return MODEL_CALL.test(path) ? 1 : 0
}

function byProvider(a: JsonObject, b: JsonObject): number {
  return String(a['provider']) < String(b['provider']) ? -1 : 1
}
