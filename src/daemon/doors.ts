import type { Emit } from '../kernel/flow.ts'
import type { Live } from '../kernel/live.ts'
import { Strangers } from '../kernel/strangers.ts'
import { Sessions } from '../proxy/sessions.ts'
import { isAnswering } from '../relay/pipeline.ts'
import { createMemoryCheck, fitOpenFiles, openFilesLimit, remembered } from './capacity.ts'
import type { Snapshot } from './snapshot.ts'

interface SessionsDeps {
  readonly emit: Emit
  readonly warn: (fields: Readonly<Record<string, unknown>>, message: string) => void
}

/** What is open, and who waits at the ports. */
export interface Doors {
  readonly sessions: Sessions
  /** Of the API's listeners: a flood there is to harm nobody at the proxy's port. */
  readonly apiStrangers: Strangers
}

/** The doors of a daemon, within the limits of the moment and the descriptors of the process. */
export function createDoors(
  live: Live<Pick<Snapshot, 'settings'>>,
  { emit, warn }: SessionsDeps,
): Doors {
  // It may be changed while we run (prlimit, a container's update).
  const openFiles = remembered(openFilesLimit)
  const limits = () => fitOpenFiles(live.current.settings.limits, openFiles())
  const { connections } = limits()
  if (connections < live.current.settings.limits.connections) {
    warn(
      { connections, open_files: openFiles() },
      'the limit of open files allows fewer connections than CODER_AIBRIDGE_PROXY_CONNECTIONS: raise it (LimitNOFILE, ulimit -n)',
    )
  }
  const strangers = {
    limit: () => limits().unauthenticatedConnections,
    onGaveWay: (peer: string) =>
      emit({ type: 'client_error', peer, reason: 'gave_way', detail: undefined }),
  }
  const sessions = new Sessions({
    limits,
    strangers: new Strangers(strangers),
    exhausted: createMemoryCheck(
      () => live.current.settings.limits.memoryBytes,
      remembered(() => process.memoryUsage.rss()),
    ),
  })
  // What callers leave idle there has the descriptors that no session uses.
  const idleLimit = (): number => limits().connections - sessions.size
  return { sessions, apiStrangers: new Strangers({ ...strangers, idleLimit, isBusy: isAnswering }) }
}
