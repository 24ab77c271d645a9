import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { CASES, CLASSES } from './cases.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** What runs apart from the suite. */
const COMMANDS: Readonly<Record<string, string>> = {
  'test/mutation/settings.json': 'npm run test:mutation',
  'test/namespace/inside.ts': 'npm run test:namespace',
  'test/smuggling/run.ts': 'npm run test:smuggling',
  'test/tls/scan.ts': 'npm run test:tls',
}

/** The table of docs/security.md: classes, their cases, and what runs them. */
function table(): string {
  const rows = Object.entries(CLASSES).map(([letter, name]) => {
    const cases = CASES.filter(({ id }) => id.startsWith(letter))
    const files = [...new Set(cases.flatMap(({ tests }) => tests.map(([file]) => file)))].sort()
    const suite = files.filter(file => file.endsWith('.test.ts'))
    const apart = files.flatMap(file => COMMANDS[file] ?? [])
    const commands = [`npx node --test ${suite.join(' ')}`, ...apart].map(
      command => `\`${command}\``,
    )
    return `| ${letter} | ${name} | ${cases.length} | ${commands.join('; ')} |`
  })
  return ['| class | what | cases | command |', '|---|---|---|---|', ...rows].join('\n')
}

/** The cases one by one. */
function list(): string {
  return CASES.map(({ id, what, tests }) => {
    const files = [...new Set(tests.map(([file]) => file))]
    const links = files.map(file => `[${file.replace(/^test\/|\.test\.ts$/g, '')}](../${file})`)
    return `| ${id} | ${what} | ${links.join(', ')} |`
  }).join('\n')
}

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
    const document = read('docs/security.md')
    assert.ok(document.includes(table()), `the table is out of date; it is:\n${table()}`)
    assert.ok(document.includes(list()), `the list is out of date; it is:\n${list()}`)
  })
})
