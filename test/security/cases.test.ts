import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { CASES, CLASSES } from './cases.ts'
import { securityPage } from './page.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

describe('the cases of attack', () => {
  it('each have a test of that title', () => {
    const missing = CASES.flatMap(({ id, tests }) =>
      tests.filter(([file, title]) => !read(file).includes(title)).map(entry => [id, ...entry]),
    )
    assert.deepEqual(missing, [])
  })

  it('have ids of their own, each of a class', () => {
    const ids = CASES.map(({ id }) => id)
    assert.equal(new Set(ids).size, ids.length)
    assert.ok(ids.every(id => Object.hasOwn(CLASSES, id[0] ?? '')))
  })

  it('stand in docs/security.md as they stand here', () => {
    const { text, wanted } = securityPage()
    assert.ok(text === wanted, 'out of date: npx node test/security/page.ts')
  })
})
