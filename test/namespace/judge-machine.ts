import { execFileSync } from 'node:child_process'
import { createToken, startDaemonProcess } from '../support/daemon-process.ts'
import { connectThrough } from '../support/raw-client.ts'
import { startCanaries } from './canaries.ts'
import type { NameServer } from './name-server.ts'

/** What /etc/resolv.conf completes names with, as in a cluster. */
export const SEARCH = 'svc.cluster.local corp.example'
/** A line of /etc/hosts. */
export const LISTED = '10.20.1.9 listed.example'

const PROXY_PORT = 8888
const API_PORT = 8889

const ip = (command: string): void => {
  execFileSync('ip', command.split(' '), { stdio: 'ignore' })
}

/** What the machine around a daemon would make of a target; gives what went wrong. */
export async function judgeMachine(nameServer: NameServer): Promise<readonly string[]> {
  const inside = [{ A: ['10.20.1.8'] }]
  for (const name of ['kubernetes.default.svc.cluster.local', 'gw.ai.corp.example']) {
    nameServer.names.set(name, inside)
  }
  await using daemon = await startDaemonProcess({
    env: {
      CODER_AIBRIDGE_PROVIDER_0_TYPE: 'openai',
      CODER_AIBRIDGE_PROVIDER_0_BASE_URL: 'https://gw.ai.corp.example/v1',
      CODER_AIBRIDGE_PROXY_ALLOWED_PRIVATE_CIDRS: '10.20.0.0/16',
      CODER_AIBRIDGE_PROXY_ALLOWED_PORTS: `443,${API_PORT}`,
      CODER_AIBRIDGE_PROXY_LISTEN_ADDR: `:${PROXY_PORT}`,
      CODER_HTTP_ADDRESS: `:${API_PORT}`,
    },
  })
  await using canaries = await startCanaries([443])
  const token = await createToken(daemon, 'ada')
  const problems: string[] = []
  const expect = async (target: string, reason: string, why: string): Promise<void> => {
    const proxy = { host: '127.0.0.1', port: PROXY_PORT }
    const { head, socket } = await connectThrough(proxy, target, { credentials: `x:${token}` })
    socket.destroy()
    const visited = await canaries.visited()
    const got = head.header('x-aibridge-reason') ?? `${head.status} ${visited.join(' ')}`
    if (got !== reason) problems.push(`${target} (${why}): ${got} instead of ${reason}`)
  }

  await expect('kubernetes.default:443', 'dns_not_found', 'a denied name, cut short')
  await expect('gw.ai:443', 'dns_not_found', 'an intercepted host, cut short')
  await expect('listed.example:443', '200 10.20.1.9', 'a name of the hosts file')
  // Here alone not every address is this machine's.
  ip('route add throw 10.20.7.0/24 table local')
  await expect(`10.20.7.7:${API_PORT}`, 'connect_failed', 'nobody is there yet')
  ip('address add 10.20.7.7/32 dev lo')
  await expect(`10.20.7.7:${API_PORT}`, 'self', 'an address that is a moment old')
  return problems
}
