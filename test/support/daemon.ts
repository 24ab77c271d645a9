import assert from 'node:assert/strict'
import { openSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROVIDER_TYPES } from '../../src/bridge/providers/registry.ts'
import { loadConfig } from '../../src/config/load.ts'
import { startDaemon } from '../../src/daemon.ts'
import type { Lookup } from '../../src/egress/system-lookup.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import type { Event } from '../../src/kernel/event.ts'
import type { AskRecords } from '../../src/kernel/records.ts'
import { createLog } from '../../src/observe/log.ts'
import { generateToken } from '../../src/record/tokens.ts'
import { daemonEnv } from './daemon-process.ts'
import type { HostPort } from './raw-client.ts'

export interface TestDaemonOptions {
  /** `CODER_…` variables, as an operator would set them. */
  readonly env?: Readonly<Record<string, string>>
  readonly lookup?: Lookup
  readonly clock?: Clock
  /** Events of these reasons are part of the test; others of level error fail it. */
  readonly expectFaults?: boolean
}

/** A whole daemon in this process, on free ports, with everything it said. */
export interface TestDaemon extends AsyncDisposable {
  readonly proxy: HostPort
  readonly tls: HostPort | undefined
  readonly api: HostPort
  /** `user:token` of a caller. */
  readonly credentials: string
  readonly token: string
  readonly caPem: string
  readonly stateDir: string
  readonly events: readonly Event[]
  /** The first event, past or to come, of this type for which `matches` holds. */
  event<T extends Event['type']>(
    type: T,
    matches?: (event: Extract<Event, { type: T }>) => boolean,
  ): Promise<Extract<Event, { type: T }>>
  /** The books. */
  readonly ask: AskRecords
  reload(env: Readonly<Record<string, string>>): Promise<void>
  drain(signal: AbortSignal): Promise<void>
}

/** What lets these ports of loopback be reached through a daemon. */
export function mayReach(...ports: readonly number[]): Record<string, string> {
  return {
    CODER_AIBRIDGE_PROXY_ALLOWED_PORTS: ['80', '443', ...ports].join(','),
    CODER_AIBRIDGE_PROXY_ALLOWED_PRIVATE_CIDRS: '127.0.0.0/8',
  }
}

export async function startTestDaemon(options: TestDaemonOptions = {}): Promise<TestDaemon> {
  const stateDir = await mkdtemp(join(tmpdir(), 'aibridge-flow-'))
  const load = (env: Readonly<Record<string, string>> = {}) =>
    loadConfig({
      flags: {},
      env: { ...daemonEnv(stateDir), ...env },
      types: PROVIDER_TYPES,
      home: stateDir,
    })
  const log = createLog({
    level: 'error',
    queueBytes: 2 ** 23,
    fd: openSync(join(stateDir, 'log'), 'a'),
  })
  const token = generateToken()
  const stream = new EventLog()
  const daemon = await startDaemon(load(options.env).settings, {
    log,
    version: '0.0.0-test',
    deploymentConfig: () => ({}),
    extraTokens: [{ token, identity: { user: 'ada', tokenId: 'test', admin: true } }],
    onEvent: event => stream.add(event),
    ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  })
  return {
    proxy: daemon.addresses.proxy,
    tls: daemon.addresses.tls,
    api: daemon.addresses.api,
    token: token.reveal(),
    credentials: `ada:${token.reveal()}`,
    caPem: daemon.authority.certificatePem,
    stateDir,
    events: stream.events,
    event: (type, matches) => stream.find(type, matches),
    ask: daemon.records,
    reload: env => daemon.reload(load(env).settings),
    drain: signal => daemon.drain(signal),
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]()
      await log.flush()
      await rm(stateDir, { recursive: true, force: true })
      const faults = stream.events.filter(event => 'reason' in event && event.reason === 'internal')
      if (options.expectFaults !== true) assert.deepEqual(faults, [], 'internal errors')
    },
  }
}

class EventLog {
  readonly events: Event[] = []
  readonly #watchers = new Set<() => void>()

  add(event: Event): void {
    this.events.push(event)
    for (const watcher of this.#watchers) watcher()
  }

  find<T extends Event['type']>(
    type: T,
    matches: (event: Extract<Event, { type: T }>) => boolean = () => true,
  ): Promise<Extract<Event, { type: T }>> {
    const isWanted = (event: Event): event is Extract<Event, { type: T }> =>
      event.type === type && matches(event as Extract<Event, { type: T }>)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#watchers.delete(look)
        reject(new Error(`no ${type} within 10 s; seen: ${JSON.stringify(this.events)}`))
      }, 10_000)
      const look = (): void => {
        const found = this.events.find(isWanted)
        if (found === undefined) return
        clearTimeout(timer)
        this.#watchers.delete(look)
        resolve(found)
      }
      this.#watchers.add(look)
      look()
    })
  }
}
