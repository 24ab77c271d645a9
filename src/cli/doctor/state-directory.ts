import { access, constants, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Finding } from './finding.ts'

export interface StateFacts {
  readonly directory: string
  readonly exists: boolean
  /** Of the directory, or of the nearest one above that is there. */
  readonly writable: boolean
  /** Permission bits, when it exists. */
  readonly mode: number | undefined
}

export async function gatherState(directory: string): Promise<StateFacts> {
  const found = await stat(directory).catch(() => undefined)
  let place = directory
  while ((await stat(place).catch(() => undefined)) === undefined && dirname(place) !== place) {
    place = dirname(place)
  }
  const writable = await access(place, constants.W_OK).then(
    () => true,
    () => false,
  )
  return {
    directory,
    exists: found !== undefined,
    writable,
    mode: found === undefined ? undefined : found.mode & 0o777,
  }
}

/** It holds the CA's key and the records. */
export function judgeState({ directory, exists, writable, mode }: StateFacts): Finding {
  const about = 'state'
  if (!writable) {
    return {
      about,
      state: 'failed',
      text: `${directory} cannot be written by this user`,
      fix: `run it as the user of the daemon, or change CODER_AIBRIDGE_PROXY_STATE_DIR`,
    }
  }
  if (mode !== undefined && (mode & 0o077) !== 0) {
    return {
      about,
      state: 'warning',
      text: `${directory} is open to others (mode ${mode.toString(8)})`,
      fix: `chmod 700 ${directory}`,
    }
  }
  return { about, state: 'ok', text: exists ? directory : `${directory}, made at the first start` }
}
