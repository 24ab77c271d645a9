import type { AskStandings } from '../kernel/budget.ts'
import type { Holder } from '../kernel/flow.ts'
import type { AskRecords } from '../kernel/records.ts'
import type { Strangers } from '../kernel/strangers.ts'
import type { HeadLimits } from '../relay/listening.ts'
import type { BaseUrlDeps } from './base-url/deps.ts'

/** One thing that must hold before the daemon is of use. `reason` is a stable code. */
export interface Check {
  readonly name: string
  readonly ok: boolean
  readonly reason?: string
}

/** What the API listener shows, handed in by whoever owns it. */
export interface AdminDeps {
  /** `via`: the Via values of the request. @throws Refusal `auth_unavailable` */
  readonly authenticate: (token: string, via: readonly string[]) => Promise<Holder | undefined>
  /** Counts a wrong token of this peer; resolves when its answer may go out. */
  readonly onBadToken: (peer: string) => Promise<void>
  /** Configuration, CA, store, draining: whoever knows them puts them together. */
  readonly readiness: () => readonly Check[] | Promise<readonly Check[]>
  /** How the AI providers do; absent where there are none. */
  readonly providers?: () => readonly Check[]
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>
  /** PEM of the interception CA; undefined when there is none. */
  readonly caCertificate: () => string | undefined
  readonly deploymentConfig: () => unknown
  /** The books; absent where none are kept. */
  readonly records?: AskRecords
  /** The bridge for clients that set a base URL; absent on the Prometheus listener. */
  readonly baseUrl?: BaseUrlDeps
  /** How budgets stand; absent where none are kept. */
  readonly budgets?: AskStandings
  readonly version: string
  readonly deploymentId: string
  readonly limits: HeadLimits
  readonly strangers: Pick<Strangers, 'arrive'>
  /** A handler failed; the client learns nothing of it. */
  readonly onError: (error: unknown) => void
}
