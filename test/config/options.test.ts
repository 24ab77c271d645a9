import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Option } from '../../src/config/option.ts'
import { allOptions } from '../../src/config/options.ts'
import { resolveOption, type Sources } from '../../src/config/resolve.ts'
import { readYaml, yamlNames } from '../../src/config/yaml-file.ts'

const BAD: Readonly<Record<string, string>> = {
  bool: 'maybe',
  int: '1.5',
  size: '12 parsecs',
  duration: 'soon',
  string: 'a\u0007b',
  'file path': 'a\u0000b',
  secret: 'two words',
  'listen address': '8888',
  'CIDR list': '10/8',
  'port list': '443,0',
  'header name': 'Authorization',
  URL: 'ftp://files.example/',
}

const NOTHING: Sources = {
  flags: {},
  env: {},
  home: '/home/op',
  yaml: readYaml('', 'config.yaml'),
  readFile: () => '',
}

function resolve(option: Option<unknown>, sources: Partial<Sources>) {
  const report = { problems: [] as string[], warnings: [] as string[] }
  const resolved = resolveOption(option, { ...NOTHING, ...sources }, report)
  return { ...resolved, problems: report.problems }
}

/** A YAML file with one value at a path. */
function yamlWith(path: readonly string[], text: string): string {
  const last = path.length - 1
  return path
    .map((name, depth) => `${'  '.repeat(depth)}${name}:${depth === last ? ` ${text}` : ''}`)
    .join('\n')
}

function badValueFor(option: Option<unknown>): string | undefined {
  return option.type.label.includes('|') ? 'perhaps' : BAD[option.type.label]
}

describe('every option', () => {
  for (const option of allOptions()) {
    const expected = option.type.parse(option.example)
    assert.ok(expected.ok, `${option.env}: the example ${option.example} is accepted`)
    const { value } = expected

    it(`${option.env} is read from flag, variable and file under every name`, () => {
      for (const flag of [option.flag, ...option.flagAliases]) {
        const got = resolve(option, { flags: { [flag]: [option.example] } })
        assert.deepEqual([got.value, got.source, got.origin], [value, 'flag', `--${flag}`])
      }
      for (const env of [option.env, ...option.envAliases]) {
        const got = resolve(option, { env: { [env]: option.example } })
        assert.deepEqual([got.value, got.source, got.origin], [value, 'env', env])
      }
      for (const path of yamlNames(option).map(name => name.split('.'))) {
        const yaml = readYaml(yamlWith(path, `'${option.example}'`), 'config.yaml')
        assert.deepEqual(yaml.problems, [])
        const got = resolve(option, { yaml })
        assert.deepEqual([got.value, got.source], [value, 'yaml'])
        assert.equal(got.origin, `config.yaml:${path.length} ${path.join('.')}`)
      }
    })

    it(`${option.env} falls back to its default, and an empty variable is no value`, () => {
      const got = resolve(option, { env: { [option.env]: '' } })
      assert.equal(got.source, 'default')
      assert.deepEqual(got.value, option.defaultValue(NOTHING))
      assert.notDeepEqual(got.value, value, 'the example differs from the default')
    })

    const bad = badValueFor(option)
    if (bad !== undefined) {
      it(`${option.env} refuses a bad value and names where it stands`, () => {
        const cases: readonly [Partial<Sources>, string][] = [
          [{ flags: { [option.flag]: bad } }, `--${option.flag}: `],
          [{ env: { [option.env]: bad } }, `${option.env}: `],
        ]
        for (const [sources, origin] of cases) {
          const { problems } = resolve(option, sources)
          assert.equal(problems.length, 1)
          assert.ok(problems[0]?.startsWith(origin), problems.join())
          if (option.secret) assert.ok(!problems[0]?.includes(bad))
        }
      })
    }
  }

  it('has names that nothing else has, and a sentence about itself', () => {
    const names = allOptions().flatMap(option => [
      ...[option.flag, ...option.flagAliases].map(flag => `--${flag}`),
      option.env,
      ...option.envAliases,
      ...yamlNames(option),
    ])
    assert.deepEqual(
      names.filter((name, index) => names.indexOf(name) !== index),
      [],
    )
    for (const option of allOptions()) assert.match(option.description, /^[^ ].*\.$/s)
  })

  it('is masked and kept out of YAML when it is secret', () => {
    for (const option of allOptions()) {
      assert.equal(option.secret, option.type.label === 'secret', option.env)
      if (option.secret) assert.equal(option.yaml, undefined)
    }
  })
})
