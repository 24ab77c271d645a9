import type { Settings } from '../config/settings.ts'
import { ensureOwnAuthority } from '../daemon/authority.ts'
import { systemClock } from '../kernel/clock.ts'

const FREE_PORT = { host: '127.0.0.1', port: 0 }

/**
 * Free ports, and unless the operator has a CA one that lives as long as the
 * daemon: nobody else has to trust it, and it fits whatever is configured.
 */
export async function privateSettings(settings: Settings, directory: string): Promise<Settings> {
  const { proxy, api } = settings
  const own = { ...settings, stateDir: directory }
  const authority = proxy.ca ?? (await ensureOwnAuthority(own, systemClock.now()))
  return {
    ...settings,
    proxy: {
      ...proxy,
      ca: authority,
      listen: FREE_PORT,
      tls: undefined,
      tlsListen: undefined,
      auth: 'required',
    },
    api: { listen: FREE_PORT, prometheus: { ...api.prometheus, listen: undefined } },
  }
}
