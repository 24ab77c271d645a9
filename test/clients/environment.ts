import { type DaemonProcess, runCommand } from '../support/daemon-process.ts'

export type Environment = Readonly<Record<string, string>>

/** The user whose token the clients carry. */
export const USER = 'clients'

/** What `aibridgeproxyd env` hands out to the daemon's users. */
export async function clientEnvironment(
  daemon: DaemonProcess,
  token: string,
): Promise<Environment> {
  const { host, port } = daemon.proxy
  const env = { ...daemon.env, CODER_AIBRIDGE_PROXY_LISTEN_ADDR: `${host}:${port}` }
  const printed = await runCommand(
    ['env', '--shell', 'github', '--user', USER, '--token', token],
    env,
  )
  if (printed.code !== 0) throw new Error(`env failed: ${printed.stderr}`)

  const lines = printed.stdout.trim().split('\n')
  return Object.fromEntries(lines.map(line => [line.replace(/=.*/, ''), line.replace(/.*?=/, '')]))
}

/** For tunnelled servers on this machine: their CA instead, and no exception for localhost. */
export function tunnelEnvironment(base: Environment, caFile: string): Environment {
  const trust = Object.entries(base).filter(([, value]) => value.endsWith('.pem'))
  const replaced = Object.fromEntries(trust.map(([name]) => [name, caFile]))
  return { ...base, ...replaced, NO_PROXY: '', no_proxy: '' }
}
