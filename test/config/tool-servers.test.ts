import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Report } from '../../src/config/report.ts'
import { readToolServers } from '../../src/config/tool-servers.ts'
import type { ToolServer } from '../../src/kernel/tool-server.ts'

function read(
  text: string,
  files: Readonly<Record<string, string>> = {},
): { servers: readonly ToolServer[]; problems: readonly string[] } {
  const report: Report = { problems: [], warnings: [] }
  const readFile = (path: string): string => {
    const content = files[path]
    if (content === undefined) throw Object.assign(new Error('gone'), { code: 'ENOENT' })
    return content
  }
  const servers = readToolServers(text, { name: 'mcp.yaml', report, readFile })
  return { servers, problems: report.problems }
}

describe('the file of MCP servers', () => {
  it('gives each server its origin, token and choice of tools', () => {
    const text = `servers:
  - name: docs
    url: https://mcp.corp.example:8443/mcp
    token_file: /token
    allow: ^search
    deny: all$
    timeout: 5s`
    const { servers, problems } = read(text, { '/token': 'secret\n' })
    assert.deepEqual(problems, [])
    const [server] = servers
    assert.equal(server?.origin.target.text, 'mcp.corp.example:8443')
    assert.equal(server.path, '/mcp')
    assert.equal(server.token?.reveal(), 'secret')
    assert.equal(server.timeoutMs, 5000)
    assert.equal(server.allow?.test('search_x'), true)
    assert.equal(server.deny?.test('delete_all'), true)
  })

  it('may be empty', () => {
    assert.deepEqual(read(''), { servers: [], problems: [] })
  })

  const faults: readonly (readonly [what: string, text: string, problem: RegExp])[] = [
    [
      'an unknown key',
      'servers: [{name: a, url: "https://a", tokn: x}]',
      /mcp\.yaml:1 .*tokn: unknown key/,
    ],
    ['no name', 'servers: [{url: "https://a"}]', /servers\[0\]: needs name/],
    ['no URL', 'servers: [{name: a}]', /servers\[0\]: needs url/],
    ['a name that makes no tool', 'servers: [{name: A_B, url: "https://a"}]', /name: .*lower-case/],
    [
      'a URL with credentials',
      'servers: [{name: a, url: "https://u:p@a"}]',
      /must not contain credentials/,
    ],
    [
      'a pattern that is none',
      'servers: [{name: a, url: "https://a", allow: "("}]',
      /regular expression/,
    ],
    [
      'the same name twice',
      'servers: [{name: a, url: "https://a"}, {name: a, url: "https://b"}]',
      /already/,
    ],
    [
      'a token in clear',
      'servers: [{name: a, url: "http://a.example", token_file: /t}]',
      /plain http/,
    ],
    [
      'a token file that is gone',
      'servers: [{name: a, url: "https://a", token_file: /x}]',
      /token_file: cannot read/,
    ],
    [
      'roots that are none',
      'servers: [{name: a, url: "https://a", ca_file: /t}]',
      /ca_file: .*no readable PEM/,
    ],
    ['what is not YAML', 'servers: [', /mcp\.yaml:1: not YAML/],
  ]
  for (const [what, text, problem] of faults) {
    it(`refuses ${what}`, () => {
      const { problems } = read(text, { '/t': 'token' })
      assert.equal(problems.length, 1, problems.join('\n'))
      assert.match(problems[0] ?? '', problem)
    })
  }
})
