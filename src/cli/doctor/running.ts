import { listenAddress } from '../../config/types/listen-address.ts'
import type { RunningDaemon } from '../../daemon/running.ts'
import { createSingleUseAgent } from '../../egress/agents.ts'
import { dial } from '../../egress/dial.ts'
import { createOriginDial } from '../../egress/origin-dial.ts'
import { createOriginFetch } from '../../egress/origin-fetch.ts'
import { createOwn } from '../../egress/own.ts'
import { createResolver } from '../../egress/resolve.ts'
import { describeError } from '../../kernel/error.ts'
import { type ListenAddress, parseAuthority } from '../../kernel/target.ts'
import type { Finding } from './finding.ts'

const TIMEOUT_MS = 5000

/** What the daemon that runs says of itself at `/readyz`, or why it says nothing. */
export type RunningFacts = Readiness | { readonly problem: string }

interface Readiness {
  readonly checks: readonly Check[]
  readonly providers: readonly Check[]
}

interface Check {
  readonly name: string
  readonly ok: boolean
  readonly reason?: string
}

export async function gatherRunning({ api }: Pick<RunningDaemon, 'api'>): Promise<RunningFacts> {
  try {
    const answer: unknown = await (await askReadiness(api)).json()
    return isReadiness(answer) ? answer : { problem: 'its answer is none of this daemon' }
  } catch (error) {
    return { problem: describeError(error) }
  }
}

async function askReadiness({ host, port }: ListenAddress): Promise<Response> {
  const near = new Map([
    ['0.0.0.0', '127.0.0.1'],
    ['::', '::1'],
  ])
  const parsed = parseAuthority(listenAddress.format({ host: near.get(host) ?? host, port }))
  if (!parsed.ok) throw new Error(`not an address: ${host}`)
  const origin = { protocol: 'http', target: parsed.target } as const
  const dialOrigin = createOriginDial(origin, [], {
    resolve: createResolver({ timeoutMs: TIMEOUT_MS }),
    dial,
    own: createOwn(() => []),
    ownCas: [],
    upstream: undefined,
    connectTimeoutMs: TIMEOUT_MS,
    tlsHandshakeTimeoutMs: TIMEOUT_MS,
  })
  const ask = createOriginFetch({
    origin,
    agent: createSingleUseAgent(dialOrigin),
    bearer: undefined,
    firstByteTimeoutMs: TIMEOUT_MS,
    idleTimeoutMs: TIMEOUT_MS,
  })
  return await ask(`http://${origin.target.text}/readyz`)
}

function isReadiness(value: unknown): value is Readiness {
  if (typeof value !== 'object' || value === null) return false
  const { checks, providers } = value as Partial<Readiness>
  return Array.isArray(checks) && Array.isArray(providers)
}

/** Whether new work is welcome there, and how its providers do. */
export function judgeRunning(
  { pid }: Pick<RunningDaemon, 'pid'>,
  facts: RunningFacts,
): readonly Finding[] {
  const about = 'the daemon'
  const fix = 'look at its log (journalctl -u aibridgeproxyd)'
  if ('problem' in facts) {
    return [
      { about, state: 'failed', text: `process ${pid} does not answer: ${facts.problem}`, fix },
    ]
  }
  const bad = facts.checks.filter(({ ok }) => !ok).map(nameOf)
  const ill = facts.providers.filter(({ ok }) => !ok).map(nameOf)
  return [
    bad.length === 0
      ? { about, state: 'ok', text: `process ${pid} is ready` }
      : { about, state: 'failed', text: `process ${pid} is not ready: ${bad.join(', ')}`, fix },
    ...ill.map((text): Finding => ({ about, state: 'warning', text: `its provider ${text}`, fix })),
  ]
}

function nameOf({ name, reason }: Check): string {
  return reason === undefined ? name : `${name} (${reason})`
}
