import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** A state directory of this test alone, gone when it ends. */
export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'aibp-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export const HOUR = 3_600_000
