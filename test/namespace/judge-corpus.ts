import { parseAuthority } from '../../src/kernel/target.ts'
import { createToken, type DaemonProcess, startDaemonProcess } from '../support/daemon-process.ts'
import { connectThrough } from '../support/raw-client.ts'
import { CORPUS, type CorpusConfig, type CorpusEntry, wireOf } from '../support/ssrf-corpus.ts'
import { type Canaries, startCanaries } from './canaries.ts'
import { faultsOf } from './faults.ts'
import type { NameServer } from './name-server.ts'
import type { UpstreamProxy } from './upstream-proxy.ts'

/** What stands around the daemon in its namespace. */
export interface Surroundings {
  readonly nameServer: NameServer
  readonly upstream: UpstreamProxy
}

/** Entries that one daemon can serve, since they want one configuration. */
export function groups(): readonly (readonly CorpusEntry[])[] {
  return [...Map.groupBy(CORPUS.entries, ({ config = {} }) => JSON.stringify(config)).values()]
}

/** Sends every entry of a group through a daemon of their configuration; gives what went wrong. */
export async function judgeGroup(
  entries: readonly CorpusEntry[],
  surroundings: Surroundings,
): Promise<readonly string[]> {
  const config = { ...CORPUS.meta.defaults, ...entries[0]?.config }
  await using daemon = await startDaemonProcess({ env: daemonEnv(config) })
  const ours = [daemon.proxy.port, daemon.api.port]
  await using canaries = await startCanaries(portsOf(entries).filter(port => !ours.includes(port)))
  const token = await createToken(daemon, 'ada')
  const problems: string[] = []
  for (const entry of entries) {
    const world = { ...surroundings, daemon, canaries, token }
    const found = await judgeEntry(entry, world)
    problems.push(...found.map(problem => `${entry.id} (${entry.why}): ${problem}`))
  }
  return problems
}

interface World extends Surroundings {
  readonly daemon: DaemonProcess
  readonly canaries: Canaries
  readonly token: string
}

async function judgeEntry(entry: CorpusEntry, world: World): Promise<string[]> {
  const { daemon, canaries, nameServer, upstream, token } = world
  const wire = wireOf(entry)
  const name = nameOf(entry)
  if (entry.dns !== undefined && name !== undefined) nameServer.names.set(name, entry.dns)
  const asked = nameServer.questions.length
  const tunnelled = upstream.targets.length

  const { head, socket } = await connectThrough(daemon.proxy, wire, { credentials: `x:${token}` })
  const visited = await canaries.visited()
  socket.destroy()
  return faultsOf(entry, {
    status: head.status,
    reason: head.header('x-aibridge-reason') ?? '',
    visited,
    questions: nameServer.questions.slice(asked).filter(question => question === name).length,
    tunnels: upstream.targets.length - tunnelled,
  })
}

function nameOf(entry: CorpusEntry): string | undefined {
  const parsed = parseAuthority(wireOf(entry))
  return parsed.ok && parsed.target.host.kind === 'name' ? parsed.target.host.name : undefined
}

/** The ports that an entry names, however badly it is written, and those that daemons guard. */
function portsOf(entries: readonly CorpusEntry[]): number[] {
  const named = entries.flatMap(entry => /:(\d{1,5})$/.exec(wireOf(entry))?.[1] ?? [])
  const ports = [22, 53, 80, 443, 5432, 6379, ...named.map(Number)]
  return [...new Set(ports)].filter(port => port > 0 && port < 2 ** 16)
}

function daemonEnv(config: CorpusConfig): Record<string, string> {
  const P = 'CODER_AIBRIDGE_PROXY_'
  return {
    CODER_AIBRIDGE_PROVIDER_0_TYPE: 'openai',
    CODER_AIBRIDGE_PROVIDER_1_TYPE: 'anthropic',
    [`${P}ALLOWED_PORTS`]: config.allowed_ports.join(','),
    [`${P}ALLOWED_PRIVATE_CIDRS`]: config.allowed_private_cidrs.join(','),
    [`${P}NAT64_PREFIXES`]: config.nat64_prefixes.join(','),
    [`${P}UPSTREAM`]: config.upstream_proxy ?? '',
    [`${P}UPSTREAM_RESOLVES`]: String(config.upstream_resolves ?? false),
    [`${P}DENY_IP_LITERALS`]: String(config.deny_ip_literals),
    [`${P}LISTEN_ADDR`]: config.proxy_listen?.[0] ?? '127.0.0.1:0',
    CODER_HTTP_ADDRESS: config.admin_listen?.[0] ?? '127.0.0.1:0',
  }
}
