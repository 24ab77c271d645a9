import { globSync } from 'node:fs'
import { join } from 'node:path'
import { describe } from 'node:test'
import { pathToFileURL } from 'node:url'

const TESTS = join(import.meta.dirname, '..')
const SHARES = globSync('[0-9].ts', { cwd: import.meta.dirname }).length
const FILE_TIMEOUT_MS = 110_000

/**
 * Runs the share of this number, from 1, of all test files in this process,
 * one file after the other. To load a daemon's modules costs more than most
 * files do with it, and a daemon that the compiler has seen before starts in
 * half the time. What a file measures of its whole process (`*.alone.test.ts`)
 * has one to itself.
 */
export function runShare(number: number): void {
  const files = globSync('**/*.test.ts', { cwd: TESTS, exclude: ['**/*.alone.test.ts'] }).sort()
  for (const file of files.filter((_, index) => index % SHARES === number - 1)) {
    describe(file, { timeout: FILE_TIMEOUT_MS }, async () => {
      await import(pathToFileURL(join(TESTS, file)).href)
    })
  }
}
