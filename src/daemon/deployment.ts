import type { Agent } from 'node:http'
import type { RemoteBridge } from '../bridge/remote.ts'
import type { DeploymentSettings, Place } from '../config/settings.ts'
import { createOriginAgent, endIdle } from '../egress/agents.ts'
import { exchange } from '../egress/exchange.ts'
import type { LoopMark } from '../egress/loop.ts'
import { createOriginDial, type LegReasons } from '../egress/origin-dial.ts'
import { sendRequest } from '../egress/request.ts'
import { Refusal } from '../kernel/error.ts'
import type { ProviderSettings } from '../kernel/provider.ts'
import { hostHeader } from '../kernel/target.ts'
import type { AskDeployment } from '../record/remote-tokens.ts'
import { readUser } from './deployment-user.ts'
import { type OriginDeps, typeOf } from './providers.ts'

const LEG: LegReasons = {
  unreachable: 'bridge_unreachable',
  untrusted: 'bridge_tls',
  timeout: 'bridge_timeout',
}
const FAULTS = { timeout: 'bridge_timeout', broken: 'bridge_broken' } as const

/** More than a user has fields for. */
const MAX_BODY_BYTES = 256 * 1024
const PROBE_TIMEOUT_MS = 2000
/** Whoever asks for readiness needs no token, so the deployment is not asked each time. */
const PROBE_AGE_MS = 5000

/** The deployment of a snapshot, with connections to its two origins only. */
export interface Deployment extends RemoteBridge, Disposable {
  /** Asks its API who a token belongs to. */
  readonly whoIs: AskDeployment
  /** Whether it answers at all; the answer may be some seconds old. */
  readonly isReachable: () => Promise<boolean>
  /** Closes what is idle; running calls go on to their end. */
  retire(): void
}

/** Opens no connection yet: each is made by the first call, or question, that needs it. */
export function createDeployment(
  settings: DeploymentSettings,
  providers: readonly ProviderSettings[],
  deps: OriginDeps & { readonly loop: Pick<LoopMark, 'chain'> },
): Deployment {
  const { access, target, caPem } = settings
  const roots = deps.rootsWith(caPem)
  const openAgent = ({ origin }: Place): Agent =>
    createOriginAgent(createOriginDial(origin, roots, deps.dial, { reasons: LEG }))
  const calls = openAgent(target)
  const api = openAgent(access)
  const agents = [calls, api]

  let probe: { readonly at: number; readonly answer: Promise<boolean> } | undefined

  return {
    providers: new Map(
      providers.map(provider => [provider.name, { settings: provider, type: typeOf(provider) }]),
    ),
    target,
    send: request =>
      exchange(outgoing => sendRequest(calls, outgoing), {
        ...request,
        firstByteTimeoutMs: deps.limits.firstByteTimeoutMs,
        idleTimeoutMs: deps.limits.streamIdleTimeoutMs,
        faults: FAULTS,
      }),
    async whoIs(token, { signal, via }) {
      const chain = deps.loop.chain(via)
      if (chain === undefined) throw new Refusal('bridge_loop')
      const question = { path: '/api/v2/users/me', token, signal, via: chain }
      const { status, body } = await askApi(api, access, question)
      return readUser(status, body)
    },
    async isReachable() {
      if (probe === undefined || performance.now() - probe.at > PROBE_AGE_MS) {
        const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS)
        const answer = askApi(api, access, { path: '/api/v2/', signal }).then(
          ({ status }) => status < 500,
          () => false,
        )
        probe = { at: performance.now(), answer }
      }
      return await probe.answer
    },
    retire() {
      for (const agent of agents) endIdle(agent)
    },
    [Symbol.dispose]() {
      for (const agent of agents) agent.destroy()
    },
  }
}

interface Question {
  readonly path: string
  readonly token?: string
  readonly signal: AbortSignal
  readonly via?: string
}

async function askApi(
  agent: Agent,
  { origin, basePath }: Place,
  { path, token, signal, via }: Question,
): Promise<{ readonly status: number; readonly body: string }> {
  const reply = await exchange(outgoing => sendRequest(agent, outgoing), {
    method: 'GET',
    path: basePath + path,
    headers: [
      'Host',
      hostHeader(origin),
      'Accept',
      'application/json',
      'User-Agent',
      'aibridgeproxyd',
      ...(token === undefined ? [] : ['Coder-Session-Token', token]),
      ...(via === undefined ? [] : ['Via', via]),
    ],
    body: undefined,
    upgrade: false,
    inform: undefined,
    signal,
    // The signal is the limit.
    firstByteTimeoutMs: 0,
    idleTimeoutMs: 0,
    faults: FAULTS,
  })
  if (reply.kind === 'upgraded') {
    reply.socket.destroy()
    throw new Refusal('bridge_broken', 'switched protocols unasked')
  }
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of reply.body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) throw new Refusal('bridge_broken', 'an answer without end')
    chunks.push(chunk)
  }
  return { status: reply.status, body: Buffer.concat(chunks).toString('utf8') }
}
