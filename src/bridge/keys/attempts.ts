import type { Clock } from '../../kernel/clock.ts'
import type { RefusedKey } from '../../kernel/event.ts'
import type { Body, Call, Reply } from '../../kernel/flow.ts'
import { headerValues } from '../../kernel/headers.ts'
import type { Whole } from '../../kernel/memory.ts'
import type { Secret } from '../../kernel/secret.ts'
import { keyHint } from '../credentials.ts'
import { type Judgement, judge } from '../judge.ts'
import type { KeyPool } from './key-pool.ts'
import { ReplayBody } from './replay-body.ts'

interface Attempts {
  readonly call: Pick<Call, 'headers' | 'inform' | 'signal'>
  readonly pool: KeyPool
  readonly body: Body | undefined
  readonly clock: Clock
  readonly watch: KeyWatch
  /** The caller's share of what bodies may hold that could have to be sent again. */
  readonly replays: Whole
  readonly send: (
    key: Secret,
    attempt: { readonly body: Body | undefined; readonly inform: Call['inform'] },
  ) => Promise<Reply>
}

/** Follows which key is in use. */
export interface KeyWatch {
  usesKey(hint: string): void
  keyRefused(refused: RefusedKey): void
}

/**
 * Sends a call with one central key after the other until one is neither
 * refused nor rate-limited. The client sees the last answer only; once a byte of
 * one has reached it, no other key is tried. A connection that fails is no
 * reason for another key: the provider may have acted on the request.
 */
export async function tryKeys(attempts: Attempts): Promise<Reply> {
  const { call, pool, body, replays: whole } = attempts
  const replay =
    body !== undefined && pool.size > 1
      ? new ReplayBody(body, { length: lengthOf(call), whole })
      : undefined
  try {
    const reply = await tryInOrder(attempts, replay)
    replay?.settle()
    if (replay !== undefined && reply.kind === 'response') {
      // What is left of an upload then belongs to the client's connection again.
      for (const event of ['end', 'close']) {
        reply.body.once(event, () => replay[Symbol.dispose]())
      }
    }
    return reply
  } catch (error) {
    replay?.[Symbol.dispose]()
    throw error
  }
}

async function tryInOrder(attempts: Attempts, replay: ReplayBody | undefined): Promise<Reply> {
  const { call, pool, body, clock, watch, send } = attempts
  let isInformed = false
  const inform: Call['inform'] = (status, headers) => {
    isInformed = true
    call.inform?.(status, headers)
  }
  const keys = pool.order(replay?.isLikely ?? body === undefined)
  const doubted: Secret[] = []
  for (const [index, key] of keys.entries()) {
    pool.claim(key)
    const credentialHint = keyHint(key)
    watch.usesKey(credentialHint)
    const sentAt = clock.monotonic()
    const reply = await send(key, { body: replay?.open() ?? body, inform }).catch(error => {
      if (call.signal.aborted) pool.release(key)
      throw error
    })
    const judgement = judge({ status: reply.status }, [])
    report(pool, { key, judgement, reply, doubted })
    const canRepeat = !isInformed && !call.signal.aborted && (replay?.canReplay ?? true)
    const isSettled = !canRepeat || !isAboutKey(judgement) || index === keys.length - 1
    if (isSettled || reply.kind === 'upgraded') return reply
    reply.body.destroy()
    const durationMs = clock.monotonic() - sentAt
    watch.keyRefused({ credentialHint, status: reply.status, durationMs })
  }
  throw new Error('no central key to try')
}

/**
 * SECURITY: a 403 may be about the model or the path that this caller asked for.
 * It takes a key out only when another one then served the same request.
 */
function report(
  pool: KeyPool,
  {
    key,
    judgement,
    reply,
    doubted,
  }: {
    readonly key: Secret
    readonly judgement: Judgement
    readonly reply: Reply
    readonly doubted: Secret[]
  },
): void {
  if (judgement === 'forbidden') doubted.push(key)
  else pool.report(key, judgement, reply.headers)
  if (judgement !== 'success') return
  for (const other of doubted) pool.report(other, 'forbidden', [])
}

function isAboutKey(judgement: Judgement): boolean {
  return ['rate_limited', 'unauthorised', 'forbidden'].includes(judgement)
}

/** What the head says; a chunked body has no length. */
function lengthOf({ headers }: Pick<Call, 'headers'>): number | undefined {
  const [text] = headerValues(headers, 'content-length')
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
