import { type Host, isLocalhostName } from '../kernel/target.ts'
import { classify } from './classify.ts'

/** Whether a host is this machine's loopback, by its spelling alone. */
export function isLoopbackHost(host: Host): boolean {
  return host.kind === 'name' ? isLocalhostName(host.name) : classify(host.address) === 'loopback'
}
