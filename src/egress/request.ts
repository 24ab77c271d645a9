import { type Agent, type ClientRequest, request as httpRequest } from 'node:http'
import type { RawHeaders } from '../kernel/headers.ts'

export interface OutgoingRequest {
  readonly method: string
  /** Path and query as they go out, byte for byte. */
  readonly path: string
  /** Host and framing included; written in this order, with these duplicates. */
  readonly headers: RawHeaders
  readonly signal?: AbortSignal
}

/** Providers send more than clients: policies, cookies, rate limits. */
const MAX_HEAD_BYTES = 64 * 1024

/**
 * Sends a request head over one of the agents of this folder; the caller writes
 * the body and ends the request. Failures to connect arrive as its `error`, a
 * Refusal. Throws for headers and paths that cannot stand in a message.
 */
export function sendRequest(agent: Agent, request: OutgoingRequest): ClientRequest {
  return httpRequest({
    agent,
    method: request.method,
    path: request.path,
    headers: [...request.headers],
    setHost: false,
    maxHeaderSize: MAX_HEAD_BYTES,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  })
}
