import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import type { Limits } from '../kernel/limits.ts'

/** Descriptors of the process itself: databases, threads, lookups, listeners, files being read. */
const OWN_DESCRIPTORS = 64
/** The proxy's and the API's; each has strangers of its own. */
const DOORS = 2
/** The client's side and the other one. */
const DESCRIPTORS_PER_CONNECTION = 2

/** How many files the process may have open; undefined where the system does not say. */
export function openFilesLimit(read = readProcLimits): number | undefined {
  const soft = /^Max open files +(\d+)/m.exec(read() ?? '')?.[1]
  return soft === undefined ? undefined : Number(soft)
}

function readProcLimits(): string | undefined {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return undefined
  }
}

/**
 * The limits of connections that the process has descriptors for. Where they
 * run out, accepting and dialling would fail at random; a refusal with a
 * Retry-After is better.
 */
export function fitOpenFiles(limits: Limits, openFiles: number | undefined): Limits {
  if (openFiles === undefined) return limits
  const free = Math.max(0, openFiles - OWN_DESCRIPTORS)
  const strangers = Math.min(limits.unauthenticatedConnections, Math.floor(free / 4 / DOORS))
  const connections = Math.floor((free - DOORS * strangers) / DESCRIPTORS_PER_CONNECTION)
  return {
    ...limits,
    unauthenticatedConnections: Math.max(1, strangers),
    connections: Math.max(1, Math.min(limits.connections, connections)),
  }
}

const MAX_AGE_MS = 250

/** What the system is asked for at most four times a second: it costs some microseconds. */
export function remembered<T>(read: () => T): () => T {
  let known: { readonly at: number; readonly value: T } | undefined
  return () => {
    const now = performance.now()
    if (known === undefined || now - known.at > MAX_AGE_MS) known = { at: now, value: read() }
    return known.value
  }
}

const SHARE_OF_CGROUP = 0.9

/** Resident memory that grew by less is the noise of the allocator. */
const GROWTH = 1.02

/**
 * Says whether memory is too short for one more beside those that are `open`:
 * resident memory is at its bound, the option's or else a share of the cgroup's.
 * What is given back is kept by the allocator, for days where nothing asks for
 * it. So when half of those have gone that were there as memory last grew,
 * theirs is used again instead of refusing everybody for good.
 */
export function createMemoryCheck(
  memoryBytes: () => number | undefined,
  resident: () => number,
): (open: number) => boolean {
  const constrained = process.constrainedMemory()
  const cgroup =
    constrained > 0 && constrained < totalmem() ? constrained * SHARE_OF_CGROUP : undefined
  let peak: { readonly bytes: number; readonly open: number } | undefined
  return open => {
    const bound = memoryBytes() ?? cgroup
    if (bound === undefined) return false
    const bytes = resident()
    if (bytes < bound) peak = undefined
    else if (peak === undefined || bytes > peak.bytes * GROWTH) peak = { bytes, open }
    return peak !== undefined && open >= Math.max(1, peak.open / 2)
  }
}
