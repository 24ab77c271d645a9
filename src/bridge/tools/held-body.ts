import { Readable } from 'node:stream'
import { JsonMembers } from './json-members.ts'
import { BodyText } from './open-body.ts'

/** A request body that was held back to be edited; or, too long for that, its stream again. */
export type HeldBody =
  | { readonly kind: 'whole'; readonly bytes: Buffer; readonly text: BodyText | undefined }
  | { readonly kind: 'stream'; readonly body: Readable }

/** Reads a body to its end, unless it is longer than `maxBytes`. Rejects when it breaks off. */
export async function holdBody(body: Readable, maxBytes: number): Promise<HeldBody> {
  const pieces: Buffer[] = []
  const scan = new JsonMembers()
  let length = 0
  const chunks: AsyncIterator<Buffer, undefined> = body[Symbol.asyncIterator]()
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
    pieces.push(next.value)
    scan.push(next.value)
    length += next.value.length
    if (length > maxBytes) return { kind: 'stream', body: resumed(pieces, chunks) }
  }
  const bytes = Buffer.concat(pieces)
  const members = scan.end()
  const text = members === undefined ? undefined : new BodyText(bytes, scan, members)
  return { kind: 'whole', bytes, text }
}

function resumed(pieces: readonly Buffer[], rest: AsyncIterator<Buffer, undefined>): Readable {
  async function* all(): AsyncGenerator<Buffer> {
    yield* pieces
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
      yield next.value
    }
  }
  return Readable.from(all(), { objectMode: false })
}
