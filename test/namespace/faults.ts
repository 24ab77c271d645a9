import { hostText, parseAuthority } from '../../src/kernel/target.ts'
import { type CorpusEntry, wireOf } from '../support/ssrf-corpus.ts'

/** What came of an entry. */
export interface Outcome {
  readonly status: number
  readonly reason: string
  /** The addresses that were connected to. */
  readonly visited: readonly string[]
  /** How often its name was looked up, in either family. */
  readonly questions: number
  /** How many tunnels the upstream proxy was asked for. */
  readonly tunnels: number
}

/** What of it should not be. */
export function faultsOf(entry: CorpusEntry, outcome: Outcome): string[] {
  const may = mayVisit(entry)
  const mayAsk = entry.dns !== undefined && entry.config?.upstream_resolves !== true
  const tunnels = entry.reason === 'tunnel_upstream' ? 1 : 0
  const strays = outcome.visited.filter(address => !may.includes(address))
  const faults: (readonly [isFault: boolean, what: string])[] = [
    [outcome.status !== entry.status, `${outcome.status} instead of ${entry.status}`],
    [!hasReason(entry, outcome), `${outcome.reason} instead of ${entry.reason}`],
    [strays.length > 0, `reached ${strays.join(', ')}`],
    [may.length > 0 && outcome.visited.length === 0, 'reached nothing'],
    [!mayAsk && outcome.questions > 0, 'looked its name up'],
    [mayAsk && outcome.questions > 2, 'looked its name up twice'],
    [outcome.tunnels !== tunnels, `${outcome.tunnels} tunnels through the upstream proxy`],
  ]
  return faults.filter(([isFault]) => isFault).map(([, what]) => what)
}

/** Node's parser may refuse malformed bytes before we do. */
function hasReason({ status, verdict, reason }: CorpusEntry, outcome: Outcome): boolean {
  const byParser = verdict === 'refused-as-malformed' && outcome.reason === 'request_malformed'
  return status === 200 || outcome.reason === reason || byParser
}

/** Where an entry may lead; nowhere, if it is refused, intercepted or the upstream's. */
function mayVisit(entry: CorpusEntry): readonly string[] {
  if (entry.verdict !== 'allowed' || entry.reason === 'mitm_host') return []
  if (entry.must_dial_only !== undefined) return entry.must_dial_only
  const parsed = parseAuthority(wireOf(entry))
  return parsed.ok ? [hostText(parsed.target.host)] : []
}
