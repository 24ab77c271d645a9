import { setTimeout } from 'node:timers/promises'
import { createAdmin } from '../admin/admin.ts'
import type { BaseUrlDeps } from '../admin/base-url/deps.ts'
import type { AdminDeps, Check } from '../admin/deps.ts'
import type { Route } from '../admin/route.ts'
import { PROMETHEUS_ROUTES, ROUTES, ROUTES_WITHOUT_METRICS } from '../admin/routes.ts'
import type { Clock } from '../kernel/clock.ts'
import { describeError } from '../kernel/error.ts'
import type { Failures } from '../kernel/failures.ts'
import type { Live } from '../kernel/live.ts'
import type { Strangers } from '../kernel/strangers.ts'
import type { ListenAddress } from '../kernel/target.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Store } from '../record/store.ts'
import type { OpenedBooks } from './books.ts'
import { createStandings } from './budgets.ts'
import type { Callers } from './callers.ts'
import type { Snapshot } from './snapshot.ts'

/** What the daemon knows of its own state beyond the snapshot. */
export interface Readiness {
  draining: boolean
}

export interface AdminContext {
  readonly live: Live<Snapshot>
  readonly store: Store
  readonly callers: Callers
  readonly books: OpenedBooks
  readonly metrics: Metrics
  readonly clock: Clock
  readonly readiness: Readiness
  readonly failures: Failures
  readonly apiStrangers: Strangers
  readonly baseUrl: BaseUrlDeps
  readonly version: string
  readonly deploymentConfig: () => unknown
  readonly onError: (problem: string) => void
}

export interface OpenedAdmin extends AsyncDisposable {
  readonly addresses: {
    readonly api: ListenAddress
    readonly metrics: ListenAddress | undefined
  }
}

/** Opens the API listener, and the Prometheus one when it has its own address. */
export async function openAdmin(
  context: AdminContext,
  onBound: (address: ListenAddress) => void,
): Promise<OpenedAdmin> {
  await using opened = new AsyncDisposableStack()
  const { api } = context.live.current.settings
  const deps = adminDeps(context)
  const openOne = async (
    served: AdminDeps,
    routes: readonly Route[],
    address: ListenAddress,
    option: string,
  ): Promise<ListenAddress> => {
    const admin = opened.use(createAdmin(served, routes))
    const bound = await admin.listen(address, option)
    onBound(bound.address)
    return bound.address
  }
  const { prometheus } = api
  const apart = prometheus.enabled ? prometheus.listen : undefined
  const withMetrics = prometheus.enabled && apart === undefined
  const apiRoutes = withMetrics ? ROUTES : ROUTES_WITHOUT_METRICS
  const addresses = {
    api: await openOne(
      { ...deps, baseUrl: context.baseUrl },
      apiRoutes,
      api.listen,
      'CODER_HTTP_ADDRESS',
    ),
    metrics:
      apart === undefined
        ? undefined
        : await openOne(deps, PROMETHEUS_ROUTES, apart, 'CODER_PROMETHEUS_ADDRESS'),
  }
  const keep = opened.move()
  return { addresses, [Symbol.asyncDispose]: () => keep.disposeAsync() }
}

function adminDeps(context: AdminContext): AdminDeps {
  const { live, store, metrics } = context
  return {
    authenticate: context.callers.authenticate,
    onBadToken: async peer => {
      await setTimeout(context.failures.add(peer), undefined, { ref: false })
    },
    readiness: () => checks(context),
    providers: () => providerChecks(live.current),
    metrics: () => metrics.scrape(),
    caCertificate: () => live.current.authority.trustPem,
    deploymentConfig: context.deploymentConfig,
    records: context.books.recorder.ask,
    budgets: createStandings(live, context.books.recorder.ask, context.clock),
    version: context.version,
    deploymentId: store.deploymentId,
    limits: live.current.settings.limits,
    strangers: context.apiStrangers,
    onError: error => context.onError(describeError(error)),
  }
}

/** What others run does not make this daemon unready: a restart would mend none of it. */
function providerChecks({ providers }: Snapshot): readonly Check[] {
  return Array.from(providers.illnesses(), ([name, reason]) =>
    reason === undefined ? { name, ok: true } : { name, ok: false, reason },
  )
}

async function checks(context: AdminContext): Promise<readonly Check[]> {
  const { live, store, books, clock, readiness } = context
  const { authority, deployment } = live.current
  const { validFrom, expiresAt } = authority
  const now = clock.now()
  const check = (name: string, ok: boolean, reason: string): Check =>
    ok ? { name, ok } : { name, ok, reason }
  return [
    check('ca', now >= validFrom && now < expiresAt, 'ca_expired'),
    check('store', store.available, 'store_down'),
    check(
      'records',
      books.recorder.available || live.current.settings.record.failOpen,
      'accounting_unavailable',
    ),
    check('listener', !readiness.draining, 'draining'),
    ...(deployment === undefined
      ? []
      : [check('deployment', await deployment.isReachable(), 'deployment_unreachable')]),
  ]
}
