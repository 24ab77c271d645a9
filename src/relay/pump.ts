import type { Readable, Writable } from 'node:stream'

/**
 * Writes a body to its client as it comes in, under the client's own
 * backpressure; `onSent` hears of every piece. What follows an end is dropped:
 * HEAD, 204, 205 and 304 have ended before their body.
 */
export function pump(body: Readable, client: Writable, onSent?: (bytes: number) => void): void {
  let isBlocked = false
  body.on('data', (chunk: Buffer) => {
    if (client.writableEnded) return
    onSent?.(chunk.length)
    if (client.write(chunk) || isBlocked) return
    isBlocked = true
    body.pause()
    client.once('drain', () => {
      isBlocked = false
      body.resume()
    })
  })
}
