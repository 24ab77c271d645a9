import { CHAIN_START, lineHash } from './log-chain.ts'

export interface ChainReport {
  /** Lines that belong to a chain. */
  readonly lines: number
  readonly chains: number
  /** What is wrong, each with the number of its line; the first hundred. */
  readonly problems: readonly string[]
  /** Chains whose beginning is not in these lines (rotated away). */
  readonly begunElsewhere: number
}

const LINE = /^(\{.*),"hash":"([0-9a-f]{64})"\}$/s
const MAX_PROBLEMS = 100

/** Checks the lines of a structured log, in their order; other lines are passed over. */
export async function verifyChain(lines: AsyncIterable<string>): Promise<ChainReport> {
  const heads = new Map<string, { readonly position: number; readonly hash: string }>()
  const problems: string[] = []
  let number = 0
  let checked = 0
  let begunElsewhere = 0

  for await (const line of lines) {
    number += 1
    const link = readLink(line)
    if (link === undefined) continue
    checked += 1
    const head = heads.get(link.chain)
    const problem = judge(link, head)
    if (problem !== undefined && problems.length < MAX_PROBLEMS) {
      problems.push(`line ${number}: ${problem}`)
    }
    if (head === undefined && link.previous !== CHAIN_START) begunElsewhere += 1
    heads.set(link.chain, { position: link.position, hash: link.hash })
  }
  return { lines: checked, chains: heads.size, problems, begunElsewhere }
}

interface Link {
  readonly chain: string
  readonly position: number
  readonly previous: string
  readonly hash: string
  readonly actual: string
}

function judge(
  link: Link,
  head: { readonly position: number; readonly hash: string } | undefined,
): string | undefined {
  if (link.hash !== link.actual) return 'was changed: its hash does not fit'
  if (head === undefined) return undefined
  const missing = link.position - head.position - 1
  if (missing > 0) return `${missing} before it are missing`
  if (missing < 0) return 'is out of order'
  return link.previous === head.hash ? undefined : 'does not follow from the one before it'
}

/** Undefined for a line that is in no chain; a broken one fails its hash. */
function readLink(line: string): Link | undefined {
  const isChained = line.includes('"prev_hash":"') && line.includes('"msg":"interception log"')
  if (!isChained) return undefined
  const match = LINE.exec(line)
  const text = `${match?.[1] ?? ''}}`
  const record = parse(text)
  return {
    chain: String(record['chain']),
    position: Number(record['position']),
    previous: String(record['prev_hash']),
    hash: match?.[2] ?? '',
    actual: match === null ? 'none' : lineHash(text),
  }
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}
