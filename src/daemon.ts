import type { IncomingMessage } from 'node:http'
import { Translator } from './bridge/bedrock/translator.ts'
import type { Authority } from './ca/authority.ts'
import { generateLeafKey } from './ca/leaf-key.ts'
import type { ClientCertificateSettings, Settings } from './config/settings.ts'
import { openAdmin, type Readiness } from './daemon/admin.ts'
import { loadOrCreateAuthority } from './daemon/authority.ts'
import { createBaseUrl } from './daemon/base-url.ts'
import { type OpenedBooks, openBooks } from './daemon/books.ts'
import { namedStandings } from './daemon/budgets.ts'
import { type Callers, createCallers } from './daemon/callers.ts'
import { decideTarget } from './daemon/decide.ts'
import { createDoors } from './daemon/doors.ts'
import { apiAuth, createGate } from './daemon/gate.ts'
import { createHandle } from './daemon/handle.ts'
import { openListeners, type ProxyListeners } from './daemon/listeners.ts'
import { sendPlain } from './daemon/plain.ts'
import {
  buildSnapshot,
  createResolvers,
  endSnapshot,
  type Foundation,
  retireSnapshot,
  type Snapshot,
} from './daemon/snapshot.ts'
import { createLoopMark } from './egress/loop.ts'
import { createOwn } from './egress/own.ts'
import type { Lookup } from './egress/system-lookup.ts'
import { type Clock, systemClock } from './kernel/clock.ts'
import { Failures } from './kernel/failures.ts'
import type { Emit, Handle, Intercept } from './kernel/flow.ts'
import { headerValues } from './kernel/headers.ts'
import { LiveCell } from './kernel/live.ts'
import type { AskRecords } from './kernel/records.ts'
import type { Strangers } from './kernel/strangers.ts'
import type { ListenAddress } from './kernel/target.ts'
import { createIntercept } from './mitm/intercept.ts'
import type { Log } from './observe/log.ts'
import { createMetrics, type Metrics } from './observe/metrics.ts'
import { createObserver } from './observe/observer.ts'
import { certifiedCaller } from './proxy/client-certificate.ts'
import type { PlainDeps } from './proxy/plain.ts'
import type { Sessions } from './proxy/sessions.ts'
import { type ExtraToken, Store } from './record/store.ts'

export interface DaemonOptions {
  readonly log: Pick<Log, 'logger' | 'drops' | 'writeLine'>
  readonly version: string
  /** `GET /api/v2/deployment/config`, for the configuration of the moment. */
  readonly deploymentConfig: () => unknown
  /** Callers that no database knows. */
  readonly extraTokens?: readonly ExtraToken[]
  /** Hears every event, beside log and metrics. */
  readonly onEvent?: Emit
  readonly clock?: Clock
  readonly lookup?: Lookup
}

/** A running daemon. Disposing ends everything at once; `drain` comes before. */
export interface Daemon extends AsyncDisposable {
  readonly addresses: {
    readonly proxy: ListenAddress
    readonly tls: ListenAddress | undefined
    readonly api: ListenAddress
    readonly metrics: ListenAddress | undefined
  }
  readonly authority: Authority
  /** The books. */
  readonly records: AskRecords
  /** Swaps the configuration; listeners and state directory stay as they are. */
  reload(settings: Settings): Promise<void>
  /** Stops accepting and waits for what is open, until the limit or the signal. */
  drain(signal: AbortSignal): Promise<void>
}

/**
 * The composition root: builds every stage and hands each its successor. Throws
 * ConfigurationError for a CA, a port or a state directory that cannot be used;
 * whatever was opened by then is closed again.
 */
export async function startDaemon(settings: Settings, options: DaemonOptions): Promise<Daemon> {
  await using opened = new AsyncDisposableStack()
  const core = await openCore(settings, options, opened)
  const { live, sessions, foundation, own } = core

  const readiness: Readiness = { draining: false }
  const handle = createHandle(live, core.books, foundation)
  const admin = opened.use(
    await openAdmin(
      {
        ...core,
        baseUrl: createBaseUrl(live, foundation, {
          authenticate: createGate(core, apiAuth(settings)),
          isJwt: core.callers.isJwt,
          handle,
          sessions,
          strangers: core.apiStrangers,
        }),
        readiness,
        version: options.version,
        deploymentConfig: options.deploymentConfig,
        onError: problem => options.log.logger.error({ problem }, 'the API listener failed'),
      },
      address => own.push(address),
    ),
  )
  const stages = buildStages(core, handle)
  const listeners = opened.use(await openListeners(settings, stages, address => own.push(address)))
  const keep = opened.move()

  return {
    addresses: { proxy: listeners.proxy, tls: listeners.tls, ...admin.addresses },
    get authority() {
      return live.current.authority
    },
    records: core.books.recorder.ask,
    reload: async wanted => {
      // Another state directory would be another CA, under clients that trust this one.
      const next = { ...wanted, stateDir: settings.stateDir }
      await reload(live, next, foundation, () => listeners.reload(next.proxy))
      core.metrics.setProviders(next.bridge.providers)
    },
    drain: signal => drain({ listeners, sessions, readiness, live }, signal),
    async [Symbol.asyncDispose]() {
      sessions.endAll()
      await keep[Symbol.asyncDispose]()
    },
  }
}

/** Everything that has no port: built once, and kept over reloads. */
interface Core {
  readonly clock: Clock
  readonly metrics: Metrics
  readonly foundation: Foundation
  readonly live: LiveCell<Snapshot>
  readonly store: Store
  readonly callers: Callers
  readonly books: OpenedBooks
  readonly sessions: Sessions
  readonly apiStrangers: Strangers
  readonly failures: Failures
  /** The ports that are bound, as they come to be. */
  readonly own: ListenAddress[]
}

async function openCore(
  settings: Settings,
  options: DaemonOptions,
  opened: AsyncDisposableStack,
): Promise<Core> {
  const clock = options.clock ?? systemClock
  const { logger } = options.log
  const metrics = opened.use(createMetrics({ version: options.version }))
  const readers: Emit[] = [createObserver({ log: logger, metrics, clock })]
  if (options.onEvent !== undefined) readers.push(options.onEvent)

  const authority = await loadOrCreateAuthority(settings, clock.now())
  for (const warning of authority.warnings) logger.warn(warning)
  const own: ListenAddress[] = []
  const foundation: Foundation = {
    clock,
    emit: event => {
      for (const read of readers) read(event)
    },
    leafKey: await generateLeafKey(),
    own: createOwn(() => own),
    loop: createLoopMark(),
    resolvers: createResolvers(settings.limits.dnsTimeoutMs, options.lookup),
    translator: opened.use(new Translator()),
    version: options.version,
    warn: (problem, message) => logger.warn({ problem }, message),
  }
  const live = new LiveCell(buildSnapshot(settings, authority, foundation))
  opened.defer(() => endSnapshot(live.current))
  const store = opened.use(await openStore(settings, options))
  const callers = createCallers(store, live, foundation)
  const books = opened.use(
    await openBooks(() => live.current.settings, clock, {
      writeLine: line => options.log.writeLine(line),
      warn: (problem, message) => logger.error({ problem }, message),
      info: message => logger.info(message),
      emit: foundation.emit,
    }),
  )
  readers.push(event => {
    // SECURITY: a flood of strangers would fill the disk, and the queue of callers' records.
    if (event.type === 'connect_ended' && event.user !== undefined) books.recorder.connect(event)
  })

  const doors = createDoors(live, {
    emit: foundation.emit,
    warn: (fields, message) => logger.warn(fields, message),
  })
  const { sessions } = doors
  const failures = new Failures(clock)
  metrics.setSources({
    caExpiresAt: () => live.current.authority.expiresAt,
    openConnections: () => sessions.size,
    logDrops: () => options.log.drops(),
    providers: () => live.current.providers.samples(),
    budgets: () => namedStandings(live, books.recorder.ask, clock),
  })
  metrics.setProviders(settings.bridge.providers)
  return { clock, metrics, foundation, live, store, callers, books, ...doors, failures, own }
}

async function openStore(settings: Settings, options: DaemonOptions): Promise<Store> {
  return await Store.open({
    stateDir: settings.stateDir,
    postgres: settings.postgres,
    extraTokens: options.extraTokens ?? [],
    onDeath: (problem, restarted) => {
      options.log.logger.error({ problem, restarted }, 'token store died')
    },
    onState: problem => {
      if (problem === undefined) options.log.logger.info('tokens can be looked up again')
      else options.log.logger.error({ problem }, 'tokens cannot be looked up')
    },
  })
}

/** Each stage asks for the snapshot when a request begins, and keeps what it got. */
function buildStages(core: Core, handle: Handle): PlainDeps {
  const { live, sessions, foundation } = core
  const { clock, emit, loop } = foundation
  return {
    authenticate: createGate(core, live.current.settings.proxy.auth, certificate =>
      certifiedCaller(certificate, { settings: () => namingCertificates(live.current), clock }),
    ),
    decide: (target, identity) =>
      decideTarget(target, identity, live.current.policy, live.current.settings.policy),
    open: (leg, signal) => live.current.open(leg, signal),
    intercept: liveIntercept(core, handle),
    sendPlain: request => sendPlain(live.current, request),
    emit,
    clock,
    sessions,
    tunnelIdleMs: () => live.current.settings.limits.tunnelIdleTimeoutMs,
    isLoop: (request: IncomingMessage) => loop.seenIn(headerValues(request.rawHeaders, 'via')),
  }
}

/** In remote mode a certificate names nobody: the deployment would not know them. */
function namingCertificates({
  settings,
  deployment,
}: Snapshot): ClientCertificateSettings | undefined {
  return deployment === undefined ? settings.proxy.clientCertificates : undefined
}

/** Every call goes by the configuration of the moment it begins. */
function liveIntercept({ live, sessions, foundation: { emit } }: Core, handle: Handle): Intercept {
  return createIntercept({
    contextFor: (host, caller) => live.current.contexts.get(host, caller.tokenId),
    handle,
    admit: (answer, caller) => sessions.admit(answer, caller),
    draining: sessions.draining,
    emit,
    get limits() {
      return live.current.settings.limits
    },
  })
}

/** A configuration that cannot be used throws here, and the old one stays. */
async function reload(
  live: LiveCell<Snapshot>,
  next: Settings,
  foundation: Foundation,
  reloadListeners: () => void,
): Promise<void> {
  const authority = await loadOrCreateAuthority(next, foundation.clock.now())
  const snapshot = buildSnapshot(next, authority, foundation)
  reloadListeners()
  const before = live.current
  live.swap(snapshot)
  retireSnapshot(before)
}

interface Draining {
  readonly listeners: ProxyListeners
  readonly sessions: Sessions
  readonly readiness: Readiness
  readonly live: LiveCell<Snapshot>
}

async function drain(
  { listeners, sessions, readiness, live }: Draining,
  signal: AbortSignal,
): Promise<void> {
  readiness.draining = true
  listeners.stop()
  await sessions.drain(live.current.settings.limits.drainTimeoutMs, signal)
}
