import type { Readable } from 'node:stream'
import type { Clock } from '../../kernel/clock.ts'
import { describeError } from '../../kernel/error.ts'
import type { Reply } from '../../kernel/flow.ts'
import type { RawHeaders } from '../../kernel/headers.ts'
import type { DumpDirectory } from './dump-directory.ts'
import type { DumpFile } from './dump-file.ts'
import { maskedAnswerHead, maskedRequestHead } from './masked-head.ts'

interface DumpedRequest {
  readonly method: string
  readonly path: string
  readonly headers: RawHeaders
  readonly body: Readable | undefined
}

let count = 0

/**
 * Writes a request and what it is answered with to files as they pass, bodies
 * as they are. It listens beside those who read them, and delays nobody. Of a
 * switched connection the heads are written.
 */
export async function dumpExchange(
  directory: DumpDirectory,
  {
    clock,
    provider,
    callId,
  }: { readonly clock: Clock; readonly provider: string; readonly callId: string },
  request: DumpedRequest,
  act: () => Promise<Reply>,
): Promise<Reply> {
  count += 1
  const name = `${clock.now()}-${callId}-${count}`
  const create = (kind: string): DumpFile | undefined =>
    directory.create(provider, `${name}.${kind}.txt`)

  const sent = create('req')
  sent?.write(Buffer.from(maskedRequestHead(request), 'latin1'))
  follow(request.body, sent)
  try {
    const reply = await act()
    const answered = create('resp')
    answered?.write(Buffer.from(maskedAnswerHead(reply), 'latin1'))
    follow(reply.kind === 'response' ? reply.body : undefined, answered)
    return reply
  } catch (error) {
    const failed = create('req_error')
    failed?.write(Buffer.from(`${describeError(error)}\n`))
    failed?.end()
    throw error
  }
}

function follow(body: Readable | undefined, file: DumpFile | undefined): void {
  if (file === undefined) return
  if (body === undefined || body.destroyed) {
    file.end()
    return
  }
  // Paused first: a listener alone must not start the flow.
  body.pause()
  body.on('data', (chunk: Buffer) => file.write(chunk))
  body.once('end', () => file.end())
  body.once('close', () => file.end('it broke off here'))
}
