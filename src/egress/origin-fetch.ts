import type { Agent } from 'node:http'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { Refusal } from '../kernel/error.ts'
import { headerPairs } from '../kernel/headers.ts'
import type { Secret } from '../kernel/secret.ts'
import type { Origin } from '../kernel/target.ts'
import { exchange } from './exchange.ts'
import { sendRequest } from './request.ts'

/** `fetch` for a library that speaks HTTP by it: https://fetch.spec.whatwg.org */
export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>

export interface OriginFetchOptions {
  readonly origin: Origin
  /** Its connections go to that origin and nowhere else. */
  readonly agent: Agent
  /** Goes with every request; the library never has it in hand. */
  readonly bearer: Secret | undefined
  readonly firstByteTimeoutMs: number
  readonly idleTimeoutMs: number
}

/** More than anybody has use for who is asked like this; a longer answer breaks off. */
const MAX_BYTES = 1024 * 1024

const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304])

/**
 * A `fetch` that reaches one origin, over the same connections as everything
 * that an operator has configured. Redirects are handed back, never followed.
 * Rejects with a Refusal; for another origin without having looked for it.
 */
export function createOriginFetch({ origin, agent, bearer, ...limits }: OriginFetchOptions): Fetch {
  const own = new URL(`${origin.protocol}://${origin.target.text}`).origin
  return async (url, init = {}) => {
    const { origin: asked, pathname, search } = new URL(url)
    if (asked !== own) throw new Refusal('internal', `a request to another origin: ${asked}`)
    const body = bodyOf(init.body)
    const method = init.method ?? 'GET'
    const reply = await exchange(request => sendRequest(agent, request), {
      method,
      path: pathname + search,
      headers: [
        'Host',
        own.slice(own.indexOf('//') + 2),
        ...fieldsOf(init.headers),
        ...(bearer === undefined ? [] : ['Authorization', `Bearer ${bearer.reveal()}`]),
        ...(body === undefined ? [] : ['Content-Length', String(body.length)]),
      ],
      body: body === undefined ? undefined : Readable.from([body], { objectMode: false }),
      upgrade: false,
      inform: undefined,
      signal: init.signal ?? NEVER,
      ...limits,
      faults: { timeout: 'provider_timeout', broken: 'provider_broken' },
    })
    if (reply.kind !== 'response') throw new Refusal('provider_broken', 'switched protocols')
    const { status, statusText, headers } = reply
    return new Response(NO_BODY.has(status) ? null : webStream(bounded(reply.body)), {
      status,
      statusText,
      headers: headerPairs(headers),
    })
  }
}

function fieldsOf(headers: RequestInit['headers']): string[] {
  const fields: string[] = []
  for (const [name, value] of new Headers(headers)) fields.push(name, value)
  return fields
}

const NEVER = new AbortController().signal

/** Libraries that speak JSON send texts. */
function bodyOf(body: RequestInit['body']): Buffer | undefined {
  if (body === undefined || body === null) return undefined
  if (typeof body === 'string') return Buffer.from(body)
  throw new TypeError('only texts can be sent')
}

/** SECURITY: the library reads whatever comes, and parses it on the event loop. */
function bounded(body: Readable): Readable {
  let length = 0
  // Paused first: a listener alone must not start the flow.
  body.pause()
  body.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length > MAX_BYTES) body.destroy(new Refusal('provider_broken', 'the answer is too long'))
  })
  return body
}

function webStream(body: Readable): ReadableStream<Uint8Array> {
  return Readable.toWeb(body)
}
