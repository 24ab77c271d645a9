import type { ServerResponse } from 'node:http'
import type { Reply } from '../kernel/flow.ts'

/**
 * Writes an answer to a client as it comes in: head at once, each chunk as it
 * arrives, under the client's own backpressure. Resolves when the answer is
 * complete or cannot be completed. A source that breaks breaks the client's
 * connection too: a cut answer never gets a valid terminator.
 */
export function writeReply(
  response: ServerResponse,
  reply: Extract<Reply, { kind: 'response' }>,
): Promise<void> {
  const { body } = reply
  return new Promise(resolve => {
    if (response.destroyed) {
      body.destroy()
      resolve()
      return
    }
    // The provider's own Date is relayed; a second one would change the answer.
    response.sendDate = false
    response.writeHead(reply.status, reply.statusText, [...reply.headers])
    response.flushHeaders()

    let blocked = false
    const onData = (chunk: Buffer): void => {
      if (response.write(chunk) || blocked) return
      blocked = true
      body.pause()
      response.once('drain', () => {
        blocked = false
        body.resume()
      })
    }
    const breakOff = (): void => {
      if (!response.writableEnded) response.destroy()
    }
    body.on('data', onData)
    body.once('end', () => {
      if (body.rawTrailers !== undefined && body.rawTrailers.length > 0) {
        response.addTrailers(pairs(body.rawTrailers))
      }
      response.end()
    })
    body.once('error', breakOff)
    body.once('close', () => {
      if (!body.readableEnded) breakOff()
    })
    response.once('close', () => {
      if (!body.readableEnded) body.destroy()
      resolve()
    })
    body.resume()
  })
}

function pairs(raw: readonly string[]): [string, string][] {
  const result: [string, string][] = []
  for (let i = 0; i + 1 < raw.length; i += 2) result.push([raw[i] ?? '', raw[i + 1] ?? ''])
  return result
}
