import { createHash } from 'node:crypto'
import { type MessagePort, parentPort } from 'node:worker_threads'
import { decodeBody } from '../tap/decode-body.ts'
import { parseJson } from '../tap/parse-body.ts'
import { asObject, type JsonObject } from '../usage/json-value.ts'
import type { FromTranslator, Terms, ToTranslator } from './protocol.ts'
import { translate } from './translate.ts'

/*
 * The thread that puts requests into Bedrock's form: what it costs to read a
 * prompt of megabytes must not be paid by the streams of others.
 */

/** SECURITY: what the heap of this thread can hold as objects, whatever they are. */
const MAX_DECODED_BYTES = 32 * 1024 * 1024

/** More than any request has; those of the object itself are copied several times. */
const MAX_MEMBERS = 1000

if (parentPort !== null) main(parentPort)

function main(port: MessagePort): void {
  const pieces = new Map<number, Uint8Array[]>()
  port.on('message', (message: ToTranslator) => {
    const { id, type } = message
    const sofar = pieces.get(id) ?? []
    if (type === 'piece') {
      sofar.push(message.bytes)
      pieces.set(id, sofar)
      return
    }
    pieces.delete(id)
    if (type === 'cancel') return
    const answer = answerTo(id, Buffer.concat(sofar), message.terms)
    port.postMessage(answer, 'body' in answer ? [answer.body.buffer] : [])
  })
}

function answerTo(id: number, bytes: Buffer, { codings, betas, models }: Terms): FromTranslator {
  const request = read(bytes, codings)
  if (request === undefined) return { id, unreadable: true }
  const { model, stream, body } = translate(request, betas, models)
  const encoded = new TextEncoder().encode(JSON.stringify(body))
  const sha256 = createHash('sha256').update(encoded).digest('hex')
  return { id, model, stream, body: encoded, sha256 }
}

function read(bytes: Buffer, codings: readonly string[]): JsonObject | undefined {
  try {
    const request = asObject(parseJson(decodeBody(bytes, codings, MAX_DECODED_BYTES)))
    const isOrdinary = request !== undefined && Object.keys(request).length <= MAX_MEMBERS
    return isOrdinary ? request : undefined
  } catch {
    return undefined
  }
}
