import type { ConnectEnded } from '../kernel/event.ts'

/** In which what repeats is told once. */
const WINDOW_MS = 60_000
/** Of one caller; what they try beyond these is told together. */
const KINDS = 30

interface Repeated {
  last: ConnectEnded | undefined
  leftOut: number
}

type Write = (ended: ConnectEnded, leftOut: number) => void

/**
 * Which CONNECTs have a row. Those that came to nothing cost whoever asks nothing
 * either. SECURITY: a loop of them would fill the books, and push the calls of others
 * out of them. So the first of each kind has a row, and those that follow within
 * a minute have one together, which says how many more there were.
 */
export class RepeatedConnects {
  readonly #write: Write
  /** By caller, and there by reason and target. */
  readonly #seen = new Map<string, Map<string, Repeated>>()
  #timer: NodeJS.Timeout | undefined

  /** `write`: `leftOut` more like this one have no row. */
  constructor(write: Write) {
    this.#write = write
  }

  add(ended: ConnectEnded): void {
    if (ended.outcome !== 'refused' && ended.outcome !== 'failed') return this.#write(ended, 0)
    const caller = ended.user ?? ''
    const kinds = this.#seen.get(caller) ?? new Map<string, Repeated>()
    this.#seen.set(caller, kinds)
    const own = `${ended.reason} ${ended.target}`
    const kind = kinds.size < KINDS || kinds.has(own) ? own : ''
    const before = kinds.get(kind)
    if (before === undefined) {
      kinds.set(kind, { last: undefined, leftOut: 0 })
      this.#write(ended, 0)
    } else {
      if (before.last !== undefined) before.leftOut += 1
      before.last = ended
    }
    this.#timer ??= setTimeout(() => this.tell(), WINDOW_MS).unref()
  }

  /** Writes what has repeated until now. */
  tell(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const kinds of this.#seen.values()) {
      for (const { last, leftOut } of kinds.values()) if (last) this.#write(last, leftOut)
    }
    this.#seen.clear()
  }
}
