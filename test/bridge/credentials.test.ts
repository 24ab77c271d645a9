import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Credential, chooseCredential } from '../../src/bridge/credentials.ts'
import { providerHeaders, providerPath } from '../../src/bridge/inject.ts'
import { anthropic } from '../../src/bridge/providers/anthropic.ts'
import { copilot } from '../../src/bridge/providers/copilot.ts'
import { google } from '../../src/bridge/providers/google.ts'
import { openai } from '../../src/bridge/providers/openai.ts'
import { headerValues } from '../../src/kernel/headers.ts'
import {
  PLACEHOLDER_KEY,
  type ProviderSettings,
  type ProviderType,
} from '../../src/kernel/provider.ts'
import { Secret } from '../../src/kernel/secret.ts'
import { parseAuthority } from '../../src/kernel/target.ts'

const TOKEN = 'aibp_callers-own-token'
const CENTRAL = 'sk-central-key-0123456789'

function settings(type: ProviderType, key: string | undefined): ProviderSettings {
  const parsed = parseAuthority('api.example.com:443')
  assert.ok(parsed.ok)
  return {
    name: type.type,
    type: type.type,
    origin: { protocol: 'https', target: parsed.target },
    siblings: [],
    basePath: '',
    keys: key === undefined ? [] : [new Secret(key)],
    hosts: [],
    caPem: undefined,
    bedrock: undefined,
  }
}

interface Given {
  readonly type?: ProviderType
  readonly key?: string | undefined
  readonly allowByok?: boolean
  readonly listed?: boolean
  readonly path?: string
}

function choose(headers: readonly string[], given: Given = {}): Credential {
  const type = given.type ?? openai
  return chooseCredential(headers, {
    type,
    key: settings(type, 'key' in given ? given.key : CENTRAL).keys[0],
    callerToken: new Secret(TOKEN),
    allowByok: given.allowByok ?? true,
    path: given.path ?? '/',
    listed: given.listed ?? true,
  })
}

describe('chooseCredential', () => {
  const centralised: [title: string, headers: string[]][] = [
    ['nothing', []],
    ['the caller token as bearer', ['Authorization', `Bearer ${TOKEN}`]],
    ['the caller token as x-api-key', ['x-api-key', TOKEN]],
    ['the placeholder', ['Authorization', `Bearer ${PLACEHOLDER_KEY}`]],
    ['an empty bearer', ['authorization', 'Bearer ']],
    ['both ours', ['Authorization', `bearer ${TOKEN}`, 'X-Api-Key', PLACEHOLDER_KEY]],
  ]
  for (const [title, headers] of centralised) {
    it(`takes the central key when the client sent ${title}`, () => {
      assert.equal(choose(headers).kind, 'centralized')
    })
  }

  const own: [title: string, headers: string[], hint: string][] = [
    ['a bearer', ['Authorization', 'Bearer sk-my-own-key-0123456789'], 'sk-m...6789'],
    ['X-Api-Key alone', ['X-API-KEY', 'sk-ant-api03-abcdefgh'], 'sk-a...efgh'],
    [
      'a key beside our token',
      ['Authorization', `Bearer ${TOKEN}`, 'x-api-key', 'user-token'],
      'us...en',
    ],
    ['another scheme', ['Authorization', 'Basic abc'], 'B...c'],
  ]
  for (const [title, headers, hint] of own) {
    it(`lets the client bring ${title}`, () => {
      const found = choose(headers)
      assert.equal(found.kind, 'byok')
      assert.ok('hint' in found)
      if (title !== 'another scheme') assert.equal(found.hint, hint)
    })
  }

  it('replaces whatever the client brought when that is not allowed', () => {
    const found = choose(['Authorization', 'Bearer sk-my-own'], { allowByok: false })
    assert.equal(found.kind, 'centralized')
  })

  it('refuses a listed path for which there is no key either way', () => {
    const refusal = { kind: 'refuse', reason: 'no_credential' }
    assert.deepEqual(choose([], { key: undefined }), refusal)
    assert.deepEqual(choose(['x-api-key', 'mine'], { key: undefined, allowByok: false }), refusal)
  })

  it('puts no central key on an unlisted path, and lets it go without one', () => {
    assert.deepEqual(choose([], { listed: false }), { kind: 'none' })
    assert.deepEqual(choose([], { listed: false, key: undefined }), { kind: 'none' })
  })

  it('refuses copilot when clients may not bring their own', () => {
    const given = { type: copilot, key: undefined, allowByok: false }
    assert.deepEqual(choose(['Authorization', 'Bearer gho_x'], given), {
      kind: 'refuse',
      reason: 'byok_disabled',
    })
  })
})

function headersFor(headers: readonly string[], given: Given = {}): string[] {
  const type = given.type ?? openai
  const credential = choose(headers, given)
  assert.ok(credential.kind !== 'refuse')
  return providerHeaders(headers, {
    type,
    settings: settings(type, CENTRAL),
    credential,
    callerToken: new Secret(TOKEN),
    method: 'POST',
    upgrade: false,
  })
}

describe('providerHeaders', () => {
  it('keeps order, case and duplicates of what it does not own', () => {
    const headers = headersFor(['X-A', '1', 'x-b', '2', 'X-A', '3', 'Content-Length', '5'])
    assert.deepEqual(headers, [
      'Host',
      'api.example.com',
      'X-A',
      '1',
      'x-b',
      '2',
      'X-A',
      '3',
      'Content-Length',
      '5',
      'Authorization',
      `Bearer ${CENTRAL}`,
    ])
  })

  it('leaves one credential where the client sent several', () => {
    const sent = [
      'x-api-key',
      'a',
      'X-API-KEY',
      'b',
      'Authorization',
      'Bearer c',
      'Authorization',
      'Bearer d',
    ]
    const headers = headersFor(sent, { type: anthropic, allowByok: false })
    assert.deepEqual(headers.slice(-2), ['X-Api-Key', CENTRAL])
    assert.equal(headers.filter(text => /^(x-api-key|authorization)$/i.test(text)).length, 1)
  })

  it('passes a brought key on unchanged and drops our token beside it', () => {
    const headers = headersFor(['Authorization', `Bearer ${TOKEN}`, 'X-Api-Key', 'sk-ant-own'])
    assert.ok(headers.includes('sk-ant-own'))
    assert.ok(!headers.join('\n').includes(TOKEN))
    assert.ok(!headers.join('\n').includes(CENTRAL))
  })

  it('drops everything that speaks to proxies or to us', () => {
    const headers = headersFor([
      'Proxy-Authorization',
      'Basic x',
      'Proxy-Connection',
      'keep-alive',
      'Connection',
      'close, X-Hop',
      'X-Hop',
      '1',
      'Keep-Alive',
      '5',
      'TE',
      'trailers',
      'Coder-Session-Token',
      't',
      'X-Coder-AI-Governance-Token',
      't',
      'Expect',
      '100-continue',
      'Host',
      'evil.example',
      'Content-Length',
      '3',
    ])
    assert.deepEqual(headers, [
      'Host',
      'api.example.com',
      'Content-Length',
      '3',
      'Authorization',
      `Bearer ${CENTRAL}`,
    ])
  })

  it('lets nothing say whose account it is beside the central key', () => {
    const account = ['Cookie', 'a=b', 'OpenAI-Organization', 'org', 'openai-project', 'p']
    assert.ok(!headersFor(account).join('\n').toLowerCase().includes('openai-'))
    assert.ok(!headersFor(account).includes('Cookie'))
    const brought = headersFor([...account, 'Authorization', 'Bearer sk-own-key-0123456789'])
    assert.ok(brought.includes('OpenAI-Organization') && brought.includes('Cookie'))
  })

  it('lets nothing make another request of it than the one that was judged', () => {
    const names = ['X-HTTP-Method-Override', 'x-method-override', 'X-Original-URL', 'X-Rewrite-URL']
    for (const name of names) assert.ok(!headersFor([name, 'DELETE']).includes('DELETE'), name)
  })

  it("keeps anybody's token of ours in, whatever header holds it", () => {
    const token = `aibp_${'x'.repeat(43)}`
    for (const name of ['Authorization', 'X-Api-Key', 'X-Other']) {
      assert.ok(
        !headersFor([name, `Bearer ${token}`])
          .join('\n')
          .includes(token),
        name,
      )
    }
  })

  it('cannot be made to drop the length by naming it in Connection', () => {
    const headers = headersFor(['Connection', 'content-length', 'Content-Length', '3'])
    assert.ok(headers.includes('Content-Length'))
  })

  it('announces an empty body where the client announced none', () => {
    assert.deepEqual(headersFor([]).slice(2, 4), ['Content-Length', '0'])
    assert.ok(headersFor(['Transfer-Encoding', 'chunked']).includes('Transfer-Encoding'))
  })
})

describe('a key among the subprotocols of a WebSocket', () => {
  const offer = (key: string): string[] => [
    'Sec-WebSocket-Protocol',
    `realtime, openai-insecure-api-key.${key}, openai-beta.realtime-v1`,
  ]
  const OFFERED = 'sec-websocket-protocol'

  it('is one that the client brings', () => {
    const own = offer('sk-own-0123456789')
    assert.equal(choose(own).kind, 'byok')
    assert.deepEqual(headerValues(headersFor(own), OFFERED), [own[1]])
    assert.deepEqual(headerValues(headersFor(own), 'authorization'), [])
  })

  it('goes out beside the central one, and where it is a token of ours', () => {
    for (const [headers, given] of [
      [offer('sk-own-0123456789'), { allowByok: false }],
      [offer(TOKEN), {}],
    ] as const) {
      const sent = headersFor(headers, given)
      assert.deepEqual(headerValues(sent, 'authorization'), [`Bearer ${CENTRAL}`])
      assert.deepEqual(headerValues(sent, OFFERED), ['realtime, openai-beta.realtime-v1'])
    }
  })
})

describe("a key in Google's query", () => {
  const pathFor = (path: string, headers: readonly string[] = []): [string, string] => {
    const credential = choose(headers, { type: google, path })
    assert.ok(credential.kind !== 'refuse')
    const callerToken = new Secret(TOKEN)
    return [credential.kind, providerPath(path, { type: google, credential, callerToken })]
  }
  const rows: [what: string, path: string, headers: string[], kind: string, expected: string][] = [
    ["the client's own", '/m?alt=sse&key=AIza%2Bmine', [], 'byok', '/m?alt=sse&key=AIza%2Bmine'],
    ['the placeholder', `/m?key=${PLACEHOLDER_KEY}&alt=sse`, [], 'centralized', '/m?alt=sse'],
    ["the caller's token", `/m?key=${TOKEN}`, [], 'centralized', '/m'],
    ['the token, escaped', `/m?%6bey=${TOKEN.replace('_', '%5F')}`, [], 'centralized', '/m'],
    [
      'the token beside an own header',
      `/m?a=%20b&key=${TOKEN}`,
      ['x-goog-api-key', 'AIza-mine'],
      'byok',
      '/m?a=%20b',
    ],
    ['nothing', '/m?alt=sse&monkey=1', [], 'centralized', '/m?alt=sse&monkey=1'],
  ]
  for (const [what, path, headers, kind, expected] of rows) {
    it(`goes by the rule of headers: ${what}`, () => {
      assert.deepEqual(pathFor(path, headers), [kind, expected])
    })
  }

  it('goes out when own keys are not allowed', () => {
    const path = '/m?key=AIza-mine'
    const credential = choose([], { type: google, path, allowByok: false })
    assert.ok(credential.kind === 'centralized')
    assert.equal(providerPath(path, { type: google, credential, callerToken: undefined }), '/m')
  })

  it('is an ordinary parameter to other types', () => {
    assert.equal(choose([], { path: '/m?key=x' }).kind, 'centralized')
  })
})
