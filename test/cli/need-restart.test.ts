import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PROVIDER_TYPES } from '../../src/bridge/providers/registry.ts'
import { needRestart } from '../../src/cli/serve.ts'
import { type Loaded, loadConfig } from '../../src/config/load.ts'

const P = 'CODER_AIBRIDGE_PROXY_'
const load = (env: Record<string, string> = {}): Loaded =>
  loadConfig({ flags: {}, env, types: PROVIDER_TYPES, home: '/home/op' })

test('a listener that is to become TLS needs a restart', () => {
  const after = load({ [`${P}TLS_CERT_FILE`]: 'c', [`${P}TLS_KEY_FILE`]: 'k' })
  assert.deepEqual(needRestart(load(), after), [
    'the listener changes between plain and TLS: it needs a restart',
  ])
})

test('what every request asks for anew needs none', () => {
  const after = load({
    [`${P}UPSTREAM`]: 'http://p:1',
    [`${P}TUNNEL_IDLE_TIMEOUT`]: '2h',
    [`${P}CONNECTIONS`]: '9',
  })
  assert.deepEqual(needRestart(load(), after), [])
})

test('a secret that has changed, as well', () => {
  const url = (password: string): Record<string, string> => ({
    CODER_PG_CONNECTION_URL: `postgres://ada:${password}@db.test/x`,
  })
  assert.deepEqual(needRestart(load(url('old')), load(url('new'))), [
    'CODER_PG_CONNECTION_URL has changed: it needs a restart',
  ])
  assert.deepEqual(needRestart(load(url('old')), load(url('old'))), [])
  assert.equal(needRestart(load(), load(url('new'))).length, 1)
})

test('what is fixed at the start needs one', () => {
  const after = load({ [`${P}HEAD_TIMEOUT`]: '3s' })
  assert.deepEqual(needRestart(load(), after), [`${P}HEAD_TIMEOUT has changed: it needs a restart`])
})
