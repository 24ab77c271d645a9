import type { Live } from '../kernel/live.ts'
import { Sessions } from '../proxy/sessions.ts'
import { createMemoryCheck, fitOpenFiles, openFilesLimit } from './capacity.ts'
import type { Snapshot } from './snapshot.ts'

type Warn = (fields: Readonly<Record<string, unknown>>, message: string) => void

/** What is open, within the limits of the moment and the descriptors of the process. */
export function createSessions(live: Live<Pick<Snapshot, 'settings'>>, warn: Warn): Sessions {
  const openFiles = openFilesLimit()
  const limits = () => fitOpenFiles(live.current.settings.limits, openFiles)
  const { connections } = limits()
  if (connections < live.current.settings.limits.connections) {
    warn(
      { connections, openFiles },
      'the limit of open files allows fewer connections than configured: raise it (LimitNOFILE, ulimit -n)',
    )
  }
  return new Sessions({
    limits,
    exhausted: createMemoryCheck(() => live.current.settings.limits.memoryBytes),
  })
}
