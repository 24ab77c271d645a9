import type { Readable } from 'node:stream'
import type { Hold } from './held-body.ts'
import { JsonMembers, type Member } from './json-members.ts'

interface HeldJson {
  readonly pieces: readonly Buffer[]
  /** Undefined for what is no plain JSON object. */
  readonly members: readonly Member[] | undefined
  /** Gives back what is held. */
  readonly release: () => void
}

/** Holds a body and finds the members of the object that it is. Rejects as `hold` does. */
export async function holdJson(hold: Hold, body: Readable | undefined): Promise<HeldJson> {
  const pieces: Buffer[] = []
  const scan = new JsonMembers()
  const release = await hold(body, piece => {
    pieces.push(piece)
    scan.write(piece)
  })
  return { pieces, members: scan.end(), release }
}
