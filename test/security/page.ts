import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CASES, CLASSES } from './cases.ts'

/*
 * The tables of docs/security.md. Run by itself it writes them:
 * `npx node test/security/page.ts`.
 */

const PAGE = join(import.meta.dirname, '../../docs/security.md')

/** What runs apart from the suite. */
const COMMANDS: Readonly<Record<string, string>> = {
  'test/fuzz/run.ts': 'npm run test:fuzz',
  'test/mutation/settings.json': 'npm run test:mutation',
  'test/namespace/inside.ts': 'npm run test:namespace',
  'test/smuggling/run.ts': 'npm run test:smuggling',
  'test/tls/scan.ts': 'npm run test:tls',
}

/** The page as it is, and as the cases make it. */
export function securityPage(): { readonly text: string; readonly wanted: string } {
  const text = readFileSync(PAGE, 'utf8')
  const wanted = [classes(), list()].reduce((page, table) => {
    const head = table.slice(0, table.indexOf('\n') + 1)
    const start = page.indexOf(head)
    const size = /^(?:\|.*\n)*/.exec(page.slice(start))?.[0].length ?? 0
    return start < 0 ? table : page.slice(0, start) + table + page.slice(start + size)
  }, text)
  return { text, wanted }
}

/** Classes, their cases, and what runs them. */
function classes(): string {
  const rows = Object.entries(CLASSES).map(([letter, name]) => {
    const cases = CASES.filter(({ id }) => id.startsWith(letter))
    const files = [...new Set(cases.flatMap(({ tests }) => tests.map(([file]) => file)))].sort()
    const suite = files.filter(file => file.endsWith('.test.ts'))
    const apart = files.flatMap(file => COMMANDS[file] ?? [])
    const commands = [`npx node --test ${suite.join(' ')}`, ...apart].map(
      command => `\`${command}\``,
    )
    return `| ${letter} | ${name} | ${cases.length} | ${commands.join('; ')} |\n`
  })
  return ['| class | what | cases | command |\n', '|---|---|---|---|\n', ...rows].join('')
}

/** The cases one by one. */
function list(): string {
  const rows = CASES.map(({ id, what, tests }) => {
    const files = [...new Set(tests.map(([file]) => file))]
    const links = files.map(file => `[${file.replace(/^test\/|\.test\.ts$/g, '')}](../${file})`)
    return `| ${id} | ${what} | ${links.join(', ')} |\n`
  })
  return ['| id | attack | test |\n', '|---|---|---|\n', ...rows].join('')
}

if (import.meta.main) writeFileSync(PAGE, securityPage().wanted)
