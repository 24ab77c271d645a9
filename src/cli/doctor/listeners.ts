import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Settings } from '../../config/settings.ts'
import { listenAddress } from '../../config/types/listen-address.ts'
import { errorCode } from '../../kernel/error.ts'
import type { ListenAddress } from '../../kernel/target.ts'
import type { Finding } from './finding.ts'

export interface ListenerFacts {
  readonly option: string
  readonly address: ListenAddress
  /** Why it cannot be bound, as a code of the system; undefined when it can. */
  readonly error: string | undefined
}

/** Tries every address that the daemon would bind, and lets it go again. */
export async function gatherListeners({ proxy, api }: Settings): Promise<ListenerFacts[]> {
  const wanted: readonly (readonly [option: string, address: ListenAddress | undefined])[] = [
    ['CODER_AIBRIDGE_PROXY_LISTEN_ADDR', proxy.listen],
    ['CODER_AIBRIDGE_PROXY_TLS_LISTEN_ADDR', proxy.tlsListen],
    ['CODER_HTTP_ADDRESS', api.listen],
    ['CODER_PROMETHEUS_ADDRESS', api.prometheus.enabled ? api.prometheus.listen : undefined],
  ]
  const facts: ListenerFacts[] = []
  for (const [option, address] of wanted) {
    if (address !== undefined) facts.push({ option, address, error: await bindError(address) })
  }
  return facts
}

async function bindError({ host, port }: ListenAddress): Promise<string | undefined> {
  const server = createServer()
  try {
    server.listen({ host, port })
    await once(server, 'listening')
  } catch (error) {
    return errorCode(error) ?? 'unknown'
  }
  server.close()
  await once(server, 'close')
  return undefined
}

/** `runningPid`: the daemon of this state directory, whose ports these may well be. */
export function judgeListener(
  { option, address, error }: ListenerFacts,
  runningPid: number | undefined,
): Finding {
  const about = 'port'
  const where = listenAddress.format(address)
  if (error === undefined) return { about, state: 'ok', text: `${where} is free (${option})` }
  if (error === 'EADDRINUSE' && runningPid !== undefined) {
    return {
      about,
      state: 'ok',
      text: `${where} is taken, the daemon runs (process ${runningPid})`,
    }
  }
  return {
    about,
    state: 'failed',
    text: `${where} cannot be bound: ${error}`,
    fix: fixFor(error, option, address.port),
  }
}

function fixFor(error: string, option: string, port: number): string {
  if (error === 'EADDRINUSE')
    return `see who has it (ss -ltnp 'sport = :${port}'), or change ${option}`
  if (error === 'EACCES') return `take a port from 1024 on, or give CAP_NET_BIND_SERVICE; ${option}`
  return `give an address of this machine in ${option}`
}
