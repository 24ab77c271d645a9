import { execFile } from 'node:child_process'
import { openSync } from 'node:fs'
import { devNull } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { PROVIDER_TYPES } from '../../../bridge/providers/registry.ts'
import { writeTrustFiles } from '../../../ca/trust.ts'
import type { Settings } from '../../../config/settings.ts'
import { startDaemon } from '../../../daemon.ts'
import type { Event } from '../../../kernel/event.ts'
import { isLoopbackHost, parseHost } from '../../../kernel/target.ts'
import { createLog } from '../../../observe/log.ts'
import { generateToken } from '../../../record/tokens.ts'
import { clientEnvironment } from '../../environment.ts'
import { packageVersion } from '../../version.ts'
import type { ClientFacts } from './judge-client.ts'
import { NO_LIBRARY, type Probe } from './probes.ts'

const TIMEOUT_MS = 20_000
/** How long after a client's end the proxy may still be busy with what it left. */
const SETTLE_MS = 1000
const POLL_MS = 20

/**
 * Sends one request with each client through a daemon of its own, with the CA
 * of `settings` and the environment that `env` prints. It has no key, so the
 * daemon answers by itself and nothing goes out.
 */
export async function probeClients(
  settings: Settings,
  probes: readonly Probe[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<ClientFacts[]> {
  const url = probeUrl(settings)
  if (url === undefined) return []
  const events: Event[] = []
  const token = generateToken()
  await using daemon = await startDaemon(settings, {
    log: createLog({ ...settings.log, fd: openSync(devNull, 'a') }),
    version: packageVersion(),
    deploymentConfig: () => ({}),
    extraTokens: [{ token, identity: { user: 'doctor', tokenId: 'doctor', admin: false } }],
    onEvent: event => events.push(event),
  })
  const variables = clientEnvironment({
    proxy: daemon.addresses.proxy,
    tls: false,
    user: 'doctor',
    token,
    trust: await writeTrustFiles(settings.stateDir, daemon.authority.trustPem),
    keyedTypes: [],
    noProxy: env['NO_PROXY'] ?? env['no_proxy'],
  })
  const facts: ClientFacts[] = []
  // One after the other, so that what the proxy sees is theirs.
  for (const probe of probes) {
    events.length = 0
    const ran = await run(probe, url, { ...env, ...variables, ...probe.env?.(url) }, settings)
    if (ran.installed) await settled(events)
    facts.push({ probe, ...ran, ...seen(events) })
  }
  return facts
}

/** A listed path of the first intercepted host that clients do not take for their own machine. */
function probeUrl({ bridge, proxy }: Settings): string | undefined {
  for (const { type, hosts } of bridge.providers) {
    const first = hosts.find(({ host }) => !isOwnMachine(host))
    const known = PROVIDER_TYPES.find(one => one.type === type)
    if (first === undefined || known === undefined) continue
    const port = first.port ?? (proxy.allowedPorts.includes(443) ? 443 : proxy.allowedPorts[0])
    const path = known.routePrefix + (known.passthrough[0] ?? known.bridged[0] ?? '/')
    return `https://${first.host}${port === 443 ? '' : `:${port}`}${path}`
  }
  return undefined
}

function isOwnMachine(text: string): boolean {
  const parsed = parseHost(text)
  return parsed.ok && isLoopbackHost(parsed.host)
}

function run(
  { command, args }: Probe,
  url: string,
  env: NodeJS.ProcessEnv,
  { stateDir }: Settings,
): Promise<Pick<ClientFacts, 'installed' | 'output'>> {
  return new Promise(resolve => {
    const options = { env, cwd: stateDir, timeout: TIMEOUT_MS, killSignal: 'SIGKILL' } as const
    execFile(command, [...args(url)], options, (error, _stdout, stderr) => {
      const installed = error?.code !== 'ENOENT' && error?.code !== NO_LIBRARY
      resolve({ installed, output: lastLine(stderr) })
    })
  })
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.slice(0, 200) ?? ''
}

/** Until the connection, if there was one, has said its end. */
async function settled(events: readonly Event[]): Promise<void> {
  for (let waited = 0; waited < SETTLE_MS; waited += POLL_MS) {
    if (events.some(({ type }) => type === 'call_ended' || type === 'connect_ended')) return
    await delay(POLL_MS)
  }
}

function seen(events: readonly Event[]): Pick<ClientFacts, 'called' | 'refused' | 'tlsFailure'> {
  const connects = events.filter(event => event.type === 'connect_ended')
  // Clients that wait for a challenge are refused once, as it should be.
  const refused = connects.findLast(
    ({ reason }) => reason !== undefined && reason !== 'auth_missing',
  )
  const failed = connects.findLast(({ tlsFailure }) => tlsFailure !== undefined)
  return {
    called: events.some(({ type }) => type === 'call_ended'),
    refused: refused?.reason,
    tlsFailure:
      failed?.tlsFailure === undefined
        ? undefined
        : { code: failed.tlsFailure, text: failed.detail ?? '' },
  }
}
