import type { Snapshot } from '../../daemon/snapshot.ts'
import { describeError, Refusal } from '../../kernel/error.ts'
import { firstHeader } from '../../kernel/headers.ts'
import type { Reason } from '../../kernel/reasons.ts'
import { hostHeader, type Origin } from '../../kernel/target.ts'

const TIMEOUT_MS = 10_000

/** What came of asking one configured origin for nothing in particular. */
export interface OriginFacts {
  readonly about: string
  readonly host: string
  readonly result:
    | {
        readonly ok: true
        readonly status: number
        /** What its Date header says, and when it arrived here; milliseconds. */
        readonly date: number | undefined
        readonly at: number
      }
    | { readonly ok: false; readonly reason: Reason; readonly detail: string }
}

type Send = NonNullable<Snapshot['deployment']>['send']

/** Asks every provider, or in remote mode the deployment, over the daemon's own legs; without a key. */
export async function gatherOrigins({ providers, deployment }: Snapshot): Promise<OriginFacts[]> {
  if (deployment !== undefined) {
    const { origin, basePath } = deployment.target
    return [await ask('deployment', origin, `${basePath}/`, deployment.send)]
  }
  return await Promise.all(
    [...providers.byName.values()].map(({ settings: { name, origin, basePath }, send }) =>
      ask(`provider ${name}`, origin, `${basePath}/`, send),
    ),
  )
}

async function ask(about: string, origin: Origin, path: string, send: Send): Promise<OriginFacts> {
  const host = hostHeader(origin)
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  try {
    const reply = await send({
      callId: 'doctor',
      user: '',
      method: 'HEAD',
      path,
      headers: ['Host', host, 'User-Agent', 'aibridgeproxyd-doctor'],
      body: undefined,
      upgrade: false,
      inform: undefined,
      onSent: () => {},
      hold: () => Promise.resolve(() => {}),
      signal,
    })
    if (reply.kind === 'upgraded') reply.socket.destroy()
    else reply.body.resume()
    const date = Date.parse(firstHeader(reply.headers, 'date') ?? '')
    return {
      about,
      host,
      result: {
        ok: true,
        status: reply.status,
        date: Number.isNaN(date) ? undefined : date,
        at: Date.now(),
      },
    }
  } catch (error) {
    const late: Reason = 'provider_timeout'
    const refused = error instanceof Refusal ? error.reason : 'provider_unreachable'
    const reason = signal.aborted ? late : refused
    return { about, host, result: { ok: false, reason, detail: detailOf(error) } }
  }
}

/** A refusal with a detail has told what lies behind it already. */
function detailOf(error: unknown): string {
  const told = error instanceof Refusal && error.detail !== undefined
  return told ? error.message : describeError(error)
}
