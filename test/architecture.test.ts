import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { describe, it } from 'node:test'

/**
 * Data goes one way and imports go one way: a folder may import from the rows
 * below its own, from itself, and from nothing else.
 */
const LAYERS: readonly (readonly string[])[] = [
  ['main'],
  ['cli'],
  ['daemon'],
  ['proxy', 'mitm', 'bridge', 'record', 'admin'],
  ['egress', 'ca', 'config', 'observe', 'relay'],
  ['kernel'],
]

const SRC = join(import.meta.dirname, '../src')
const MAX_LINES = 300

interface SourceFile {
  readonly path: string
  readonly text: string
  readonly home: string
}

const files: readonly SourceFile[] = globSync('**/*.ts', { cwd: SRC }).map(path => ({
  path,
  text: readFileSync(join(SRC, path), 'utf8'),
  home: homeOf(path),
}))

/** The folder under `src`, or the bare name of a file beside it. */
function homeOf(path: string): string {
  const [first = '', ...rest] = path.split('/')
  return rest.length === 0 ? first.replace(/\.ts$/, '') : first
}

function rowOf(home: string): number {
  return LAYERS.findIndex(row => row.includes(home))
}

function localImports({ path, text }: SourceFile): string[] {
  return [...text.matchAll(/from '(\.[^']+)'|import\('(\.[^']+)'\)/g)].map(match => {
    const target = match[1] ?? match[2] ?? ''
    return relative('.', normalize(join(dirname(path), target)))
  })
}

/** Files with a line that matches, less those that may. */
function offenders(pattern: RegExp, allowed: RegExp): string[] {
  return files
    .filter(file => !allowed.test(file.path) && pattern.test(withoutComments(file.text)))
    .map(file => file.path)
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

describe('architecture', () => {
  it('has files to look at', () => assert.ok(files.length > 30))

  it('gives every folder a place in the layer table', () => {
    assert.deepEqual([...new Set(files.map(file => file.home).filter(home => rowOf(home) < 0))], [])
  })

  it('imports downwards only', () => {
    const wrong = files.flatMap(file =>
      localImports(file)
        .filter(target => {
          const home = homeOf(target)
          return home !== file.home && rowOf(home) <= rowOf(file.home)
        })
        .map(target => `${file.path} → ${target}`),
    )
    assert.deepEqual(wrong, [])
  })

  it('has no import cycle', () => {
    const graph = new Map(files.map(file => [file.path, localImports(file)]))
    const done = new Set<string>()
    const visit = (path: string, trail: readonly string[]): void => {
      assert.ok(!trail.includes(path), `cycle: ${[...trail, path].join(' → ')}`)
      if (done.has(path)) return
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
      done.add(path)
    }
    for (const path of graph.keys()) visit(path, [])
  })

  it('keeps the kernel free of packages', () => {
    const wrong = files
      .filter(file => file.home === 'kernel')
      .flatMap(file => [...file.text.matchAll(/from '([^.'][^']*)'/g)].map(match => match[1]))
      .filter(name => !name?.startsWith('node:'))
    assert.deepEqual(wrong, [])
  })

  it('opens outbound connections in egress only', () => {
    const dialling =
      /\b(net|tls|http|https|http2)\.(connect|createConnection|request|get)\(|\bfetch\(/
    // What the doctor's probes hold are programs for other processes.
    assert.deepEqual(offenders(dialling, /^egress\/|^cli\/doctor\/clients\/probes\.ts$/), [])
  })

  it('talks to PostgreSQL in record/postgres only, which the operator configures', () => {
    assert.deepEqual(offenders(/from 'pg'|import\('pg'\)/, /^record\/postgres\//), [])
  })

  it('reads the environment in main and cli only', () => {
    assert.deepEqual(offenders(/process\.env/, /^(main\.ts|cli\/)/), [])
  })

  it('opens secrets only where they go onto the wire or into a comparison', () => {
    const may = new RegExp(
      `^(${[
        'egress/.*',
        'bridge/(inject|credentials|remote)\\.ts',
        'bridge/providers/.*',
        'record/.*',
        'cli/.*',
        'kernel/secret\\.ts',
      ].join('|')})$`,
    )
    assert.deepEqual(offenders(/\.reveal\(/, may), [])
  })

  it('has no room for everything', () => {
    const names = /(^|\/)(utils?|helpers?|managers?|common|misc|index)(\.ts|\/|$)/
    assert.deepEqual(
      files.map(file => file.path).filter(path => names.test(path)),
      [],
    )
    const long = files.filter(file => file.text.split('\n').length > MAX_LINES)
    assert.deepEqual(
      long.map(file => file.path),
      [],
    )
  })
})
