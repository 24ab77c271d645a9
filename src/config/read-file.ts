import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs'
import { errorCode } from '../kernel/error.ts'
import { quote } from './parsed.ts'
import type { Report } from './report.ts'
import type { Found } from './yaml-file.ts'

export type ReadFile = (path: string) => string

/** How the files that options name are read, and where their problems go. */
export interface Files {
  readonly readFile: ReadFile
  readonly report: Report
}

const MAX_MIB = 16

/**
 * The text of a file that the operator names. SECURITY: a reload reads while
 * streams wait, so it must not wait for the writer of a FIFO, nor read a device
 * that has no end. Throws with the cause as `code`.
 */
export function readFile(path: string): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(file)
    if (!stats.isFile()) throw fault('not a regular file')
    if (stats.size > MAX_MIB * 2 ** 20) throw fault(`more than ${MAX_MIB} MiB`)
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}

/** The content of a secret's file; undefined with a problem. One final newline is cut. */
export function readSecretFile(
  path: string,
  origin: string,
  { readFile: read, report }: Files,
): Found | undefined {
  try {
    const text = read(path).replace(/\r?\n$/, '')
    if (text === '') {
      report.problems.push(`${origin}: ${quote(path)} is empty: put the secret in it`)
      return undefined
    }
    if (isOpenToAll(path)) {
      report.warnings.push(
        `${origin}: everybody on this machine can read ${quote(path)}: chmod o-rwx it`,
      )
    }
    return { text, origin }
  } catch (error) {
    // SECURITY: what is no path may be the secret itself, put in the wrong variable.
    const shown = /^[.~]{0,2}\//.test(path) ? path : undefined
    report.problems.push(unreadable(origin, shown, error))
    return undefined
  }
}

/** A warning, no refusal: secrets of Kubernetes and Docker are mounted like that. */
function isOpenToAll(path: string): boolean {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0
  return (mode & constants.S_IROTH) !== 0
}

/** A problem about a file that could not be read at all. */
export function unreadable(origin: string, path: string | undefined, error: unknown): string {
  const code = errorCode(error) ?? 'unreadable'
  const what = path === undefined ? 'the file that it names' : quote(path)
  return `${origin}: cannot read ${what} (${code}): check the path and its mode`
}

function fault(code: string): Error {
  return Object.assign(new Error(code), { code })
}
