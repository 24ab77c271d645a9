import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Refusal } from '../kernel/error.ts'

/** More than any client sends ahead on one connection; each one costs a request behind us. */
const MAX_PIPELINED = 32

/** The requests of one connection, in their order. */
interface Pipeline {
  asked: number
  readonly unanswered: Set<ServerResponse>
  /** Which of them is the last to be answered. */
  last: number
}

const pipelines = new WeakMap<Duplex, Pipeline>()
const places = new WeakMap<ServerResponse, number>()

/**
 * Counts a request on its connection until its answer is over.
 * @throws Refusal when it is one too many, or as `refuseIfBehindLast`
 */
export function enqueue(response: ServerResponse): void {
  const pipeline = pipelineOf(response)
  pipeline.asked += 1
  pipeline.unanswered.add(response)
  places.set(response, pipeline.asked)
  response.once('close', () => pipeline.unanswered.delete(response))
  refuseIfBehindLast(response)
  if (pipeline.unanswered.size <= MAX_PIPELINED) return
  throw new Refusal('overloaded', 'too many requests sent ahead')
}

/**
 * SECURITY: Node hands on what a client has sent ahead, whatever became of the
 * requests before; behind one that could be framed in two ways it may be a
 * request that only we see (RFC 9112 9.6, 11.2).
 * @throws Refusal for a request behind the last answer of its connection
 */
export function refuseIfBehindLast(response: ServerResponse): void {
  if (!isBehindLast(response)) return
  throw new Refusal('request_malformed', 'sent behind the last answer of its connection')
}

/**
 * Whether this is an answer that nobody waits for. SECURITY: it must not be
 * written. Node gives it the socket before those that are queued, and ends the
 * process when it is finished before them.
 */
export function isBehindLast(response: ServerResponse): boolean {
  return (places.get(response) ?? 0) > pipelineOf(response).last
}

/** Makes this the last answer of its connection. */
export function endWith(response: ServerResponse): void {
  response.shouldKeepAlive = false
  const pipeline = pipelineOf(response)
  pipeline.last = Math.min(pipeline.last, places.get(response) ?? pipeline.asked)
}

/** The answers that are not over, into which no other bytes may be written. */
export function outstanding(socket: Duplex): readonly ServerResponse[] {
  return [...(pipelines.get(socket)?.unanswered ?? [])]
}

/** Whether there are any. */
export function isAnswering(socket: Duplex): boolean {
  return (pipelines.get(socket)?.unanswered.size ?? 0) > 0
}

/** Whether it is more than one answer. */
export function isShared(socket: Duplex): boolean {
  return (pipelines.get(socket)?.unanswered.size ?? 0) > 1
}

function pipelineOf({ req: { socket } }: ServerResponse): Pipeline {
  const known = pipelines.get(socket)
  if (known !== undefined) return known
  const made = { asked: 0, unanswered: new Set<ServerResponse>(), last: Number.POSITIVE_INFINITY }
  pipelines.set(socket, made)
  // Node forgets those that are queued when the connection changes hands (CONNECT,
  // upgrade); their calls would never end.
  socket.once('close', () => {
    for (const response of made.unanswered) response.destroy()
  })
  return made
}
