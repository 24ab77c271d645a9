import { Socket } from 'node:net'
import { parseAddress } from '../kernel/address.ts'
import { describeError, Refusal } from '../kernel/error.ts'
import { BulkSocket } from './bulk-socket.ts'
import { type Deadline, settleWithin } from './deadline.ts'
import { isPinned, type Pinned } from './guard.ts'

export interface DialOptions extends Deadline {
  /** It will be piped, at less cost: see `BulkSocket`. */
  readonly bulk?: boolean
}

export type Dial = (
  addresses: readonly Pinned[],
  port: number,
  options: DialOptions,
) => Promise<Socket>

/** RFC 8305 5: the next address gets its chance after this time. */
const STAGGER_MS = 250
/** No more tries than this, however many addresses a name has. */
const MAX_TRIES = 16
/** Dead peers behind a NAT are found within minutes, not days. */
const KEEP_ALIVE_AFTER_MS = 30_000

/**
 * Connects to the first address that answers. Addresses are tried in turn,
 * families alternating, the next one 250 ms after the last or at its failure;
 * earlier tries go on meanwhile, so that a slow link is slow and not a failure.
 * Rejects with a Refusal (`connect_failed`, `connect_timeout`, `overloaded`) or with the
 * signal's reason. Only judged addresses get here, and no name is looked up:
 * what is dialled is a literal, and the peer is compared with it afterwards.
 *
 * The socket is half-open capable. It carries an error listener that does
 * nothing, so that an error before its new owner listens cannot end the
 * process; the owner sees it as `close` or with a listener of its own.
 */
export async function dial(
  addresses: readonly Pinned[],
  port: number,
  options: DialOptions,
): Promise<Socket> {
  // SECURITY: the type can be cast away, the private field cannot.
  if (!addresses.every(isPinned)) throw new TypeError('dial takes judged addresses only')
  const failures: string[] = []
  const timedOut = (): Error =>
    new Refusal('connect_timeout', describeTries(failures, options.timeoutMs))

  return settleWithin(options, timedOut, (fulfil, reject) => {
    const queue = alternateFamilies(addresses).slice(0, MAX_TRIES)
    const racing = new Set<Socket>()
    let stagger: NodeJS.Timeout | undefined

    const next = (): void => {
      clearTimeout(stagger)
      const pinned = queue.shift()
      if (pinned === undefined) {
        if (racing.size === 0) reject(new Refusal('connect_failed', failures.join('; ')))
        return
      }
      const socket = begin(pinned, port, options)
      racing.add(socket)
      // Once the race is over this is the listener that swallows late errors.
      socket.on('error', (error: NodeJS.ErrnoException) => {
        if (!racing.delete(socket)) return
        if (error.code === 'EMFILE' || error.code === 'ENFILE') {
          reject(new Refusal('overloaded', 'no file descriptor is left', { cause: error }))
          return
        }
        failures.push(describeError(error))
        next()
      })
      socket.once('connect', () => {
        const peer = parseAddress(socket.remoteAddress ?? '')?.text
        if (peer === pinned.address.text) {
          racing.delete(socket)
          fulfil(socket)
        } else {
          socket.destroy(new Error(`${pinned.address.text} turned out to be ${peer}`))
        }
      })
      if (queue.length > 0) stagger = setTimeout(next, STAGGER_MS)
    }
    next()

    return () => {
      clearTimeout(stagger)
      queue.length = 0
      for (const loser of racing) loser.destroy()
      racing.clear()
    }
  })
}

function begin({ address }: Pinned, port: number, { bulk = false }: DialOptions): Socket {
  const options = {
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS,
  }
  const socket = bulk ? new BulkSocket(options) : new Socket(options)
  const { text: host, family } = address
  return socket.connect({ host, port, family, autoSelectFamily: false })
}

/** RFC 8305 4: the resolver's first family first, then in turns. */
function alternateFamilies(addresses: readonly Pinned[]): Pinned[] {
  const first = addresses[0]?.address.family
  const preferred = addresses.filter(pinned => pinned.address.family === first)
  const others = addresses.filter(pinned => pinned.address.family !== first)
  const longest = Math.max(preferred.length, others.length)
  return Array.from({ length: longest }, (_, i) => [preferred[i], others[i]])
    .flat()
    .filter(pinned => pinned !== undefined)
}

function describeTries(failures: readonly string[], timeoutMs: number): string {
  return [...failures, `no connection within ${timeoutMs} ms`].join('; ')
}
