import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import { createHostsFile, type IsListed } from './hosts-file.ts'

/** One question to the system: getaddrinfo, so that hosts files and resolv.conf count. */
export type Lookup = (name: string) => Promise<readonly LookupAddress[]>

/** A name as the operator may write it: the search list of resolv.conf completes it. */
export const lookup: Lookup = name =>
  // `lookup` throws at once for names that it does not like; inside the promise
  // that is a rejection like any other.
  new Promise((fulfil, reject) => {
    systemLookup(name, { all: true, order: 'verbatim' }, (error, addresses) => {
      if (error === null) fulfil(addresses)
      else reject(error)
    })
  })

/**
 * A name as a client means it: whole. SECURITY: the search list would make two
 * spellings of one host (`db.prod` of `db.prod.corp.example`), and rules and
 * interception know but one. The dot at the end keeps the list away (RFC 1035
 * 5.1); the hosts file has its names without it.
 */
export function createAbsoluteLookup(
  ask: Lookup = lookup,
  isListed: IsListed = createHostsFile(),
): Lookup {
  return async name => await ask((await isListed(name)) ? name : `${name}.`)
}
