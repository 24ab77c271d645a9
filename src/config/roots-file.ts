import { quote } from './parsed.ts'
import { certificatesOf } from './pem.ts'
import type { Report } from './report.ts'
import { unreadable } from './yaml-file.ts'

/** The PEM of a file of roots, or `undefined` and a problem; `what` says which, and names its option. */
export function readRoots(
  what: string,
  path: string,
  readFile: (path: string) => string,
  report: Report,
): string | undefined {
  try {
    const pem = certificatesOf(readFile(path))
    if (pem !== undefined) return pem
    report.problems.push(
      `failed to parse ${what}: ${quote(path)} holds no readable PEM certificate`,
    )
  } catch (error) {
    report.problems.push(unreadable(`failed to read ${what}`, path, error))
  }
  return undefined
}
