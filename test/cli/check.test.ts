import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCheck } from '../../src/cli/check.ts'

async function check(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  let text = ''
  const stdout = {
    write: (chunk: string) => {
      text += chunk
    },
  }
  assert.equal(
    await runCheck({ args, env, home: '/home/op', stdin: process.stdin, stdout, stderr: stdout }),
    0,
  )
  return text
}

const explain = async (target: string, env: Record<string, string> = {}): Promise<string> =>
  (await check(['--explain', target], env)).trimEnd()

test('check prints each value with its source, and the providers', async () => {
  const text = await check(['--http-address', ':1'], { CODER_AIBRIDGE_OPENAI_KEY: 'sk-canary' })
  assert.match(text, /CODER_HTTP_ADDRESS +:1 +flag: --http-address/)
  assert.match(text, /CODER_AIBRIDGE_OPENAI_KEY +\[secret\] +env: CODER_AIBRIDGE_OPENAI_KEY/)
  assert.match(text, /Providers:\n {2}openai\n/)
  assert.ok(!text.includes('canary'))
})

test('check refuses files that serve would refuse', async () => {
  const env = {
    CODER_AIBRIDGE_PROXY_CERT_FILE: '/nowhere/ca.pem',
    CODER_AIBRIDGE_PROXY_KEY_FILE: '/nowhere/ca.key',
  }
  await assert.rejects(check([], env), { name: 'ConfigurationError', message: /nowhere\/ca/ })
  const tls = {
    CODER_AIBRIDGE_PROXY_TLS_CERT_FILE: '/nowhere/tls.pem',
    CODER_AIBRIDGE_PROXY_TLS_KEY_FILE: '/nowhere/tls.key',
  }
  await assert.rejects(check([], tls), { name: 'ConfigurationError', message: /nowhere\/tls/ })
})

test('check --explain takes a user', async () => {
  assert.match(await check(['--explain', 'example.com:443', '--user', 'bob']), /tunnelled/)
})

test('check --explain goes by the rules about the user', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'aibridge-check-'))
  const file = join(directory, 'policy.yaml')
  writeFileSync(
    file,
    `rules:
  - {user: bob, tunnels: deny, models: [claude-haiku-*]}
  - {user: '*', shadow: true, deny_hosts: [example.com]}
`,
  )
  const env = { CODER_AIBRIDGE_POLICY_FILE: file, CODER_AIBRIDGE_ANTHROPIC_KEY: 'sk-x' }
  const ask = async (...args: string[]): Promise<string> => await check(['--explain', ...args], env)
  assert.match(
    await ask('example.com:443', '--user', 'bob'),
    /^example\.com:443: refused, 403 tunnels_denied: .* \(rules\[0\]\)\n$/,
  )
  assert.match(
    await ask('example.com:443', '--user', 'ada'),
    /: tunnelled .*\non trial: refused, 403 host_denied: .* \(rules\[1\]\)\n$/,
  )
  const api = 'api.anthropic.com:443'
  const call = ['--user', 'bob', '--method', 'POST', '--path', '/v1/messages']
  assert.match(
    await ask(api, ...call, '--model', 'claude-opus-4'),
    /intercepted .*\nPOST \/v1\/messages: bridged, to https:\/\/api\.anthropic\.com:443\/v1\/messages, with the central key\nmodel claude-opus-4: refused, 403 model_denied: .* \(rules\[0\]\)\n$/,
  )
  assert.match(
    await ask(api, ...call, '--model', 'claude-haiku-4'),
    /model claude-haiku-4: allowed\n$/,
  )
  const path = ['--user', 'bob', '--method', 'GET', '--path', '/v1/models/gemini-pro:countTokens']
  assert.match(await ask(api, ...path), /\nGET .*: refused, 403 model_denied: .* \(rules\[0\]\)\n/)
  writeFileSync(file, 'groups: {ci: []}\nrules: [{members_of: ci, tunnels: deny}]')
  assert.match(await ask('example.com:443', '--user', 'oidc:x', '--group', 'ci'), /tunnels_denied/)
  writeFileSync(file, 'rules: [{user: anonymous, tunnels: deny}]')
  const off = { ...env, CODER_AIBRIDGE_PROXY_AUTH: 'off' }
  assert.match(await check(['--explain', 'example.com:443'], off), /tunnels_denied/)
  rmSync(directory, { recursive: true })
})

test('check --explain names the host that a call goes to, and what it is on Bedrock', async () => {
  const call = ['--method', 'POST', '--path', '/responses']
  assert.match(
    await check(['--explain', 'api.business.githubcopilot.com:443', ...call]),
    /bridged, to https:\/\/api\.business\.githubcopilot\.com:443\/responses; without a key/,
  )
  const env = {
    CODER_AIBRIDGE_PROVIDER_0_TYPE: 'anthropic',
    CODER_AIBRIDGE_PROVIDER_0_BEDROCK_REGION: 'eu-west-1',
    CODER_AIBRIDGE_PROVIDER_0_BEDROCK_ACCESS_KEY: 'AKIAX',
    CODER_AIBRIDGE_PROVIDER_0_BEDROCK_ACCESS_KEY_SECRET: 'x',
  }
  const ask = async (path: string): Promise<string> =>
    await check(['--explain', 'api.anthropic.com:443', '--method', 'POST', '--path', path], env)
  assert.match(await ask('/v1/messages'), /bridged, to https:\/\/bedrock-runtime\..*central key/)
  assert.match(await ask('/v1/files'), /to https:\/\/api\.anthropic\.com:443\/v1\/files/)
})

test('check refuses what serve would refuse', async () => {
  await assert.rejects(check([], { CODER_AIBRIDGE_PROXY_AUTH: 'maybe' }), {
    name: 'ConfigurationError',
    message: /CODER_AIBRIDGE_PROXY_AUTH: "maybe" is not accepted: use one of required, off/,
  })
  const state = mkdtempSync(join(tmpdir(), 'aibridge-check-'))
  writeFileSync(join(state, 'ca.pem'), 'its key is gone')
  await assert.rejects(
    check([], { CODER_AIBRIDGE_PROXY_STATE_DIR: state }),
    /ca\.key does not exist/,
  )
  rmSync(state, { recursive: true })
  await assert.rejects(check(['api.openai.com']), /unexpected argument: api.openai.com/)
})

for (const [target, env, answer] of [
  [
    'API.openai.com:443',
    {},
    /^api\.openai\.com:443: intercepted for provider openai, for callers with a token/,
  ],
  [
    'api.openai.com:443',
    { CODER_AIBRIDGE_PROXY_AUTH: 'off' },
    /intercepted for provider openai, for every caller/,
  ],
  ['api.openai.com:8443', {}, /^api\.openai\.com:8443: refused, 403 port_denied: /],
  ['api.openai.com.:443', {}, /^api\.openai\.com\.:443: refused, 400 trailing_dot: /],
  ['example.com:443', {}, /tunnelled for callers with .* if every address of the name is allowed/],
  ['8.8.8.8:443', {}, /tunnelled for callers with .*: a public address/],
  ['10.1.2.3:443', {}, /: refused, 403 private: [^,]*\.$/],
  [
    '10.1.2.3:443',
    { CODER_AIBRIDGE_PROXY_ALLOWED_PRIVATE_CIDRS: '10.1.0.0/16' },
    /tunnelled for callers with .*: a private address inside/,
  ],
  ['8.8.8.8:443', { CODER_AIBRIDGE_PROXY_DENY_IP_LITERALS: 'true' }, /refused, 403 ip_literal: /],
] as const) {
  test(`check --explain ${target} with ${JSON.stringify(env)} says ${answer.source}`, async () => {
    assert.match(await explain(target, env), answer)
  })
}
