import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { load, problemsOf, withYaml } from './loading.ts'

/** A certificate whose key was never kept. */
const ROOT = `-----BEGIN CERTIFICATE-----
MIIBeDCCAR+gAwIBAgIUNjbLq7koNChIV6C1S6iKZ6cSfREwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHZXhhbXBsZTAeFw0yNjExMjEyMjAwMjBaFw0zNjExMTgyMjAw
MjBaMBIxEDAOBgNVBAMMB2V4YW1wbGUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AASbUP0TUjG3O7Da5A1xzumnp6q3Ag1OjEhVTZI8Cw0NUum9QteRkOaRIqYaioBB
ouDM7gqD83uK9rZG1yx5jo7fo1MwUTAdBgNVHQ4EFgQUs0cUNxc5Z0hO82IrHek5
BcPv5t8wHwYDVR0jBBgwFoAUs0cUNxc5Z0hO82IrHek5BcPv5t8wDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiA0Lj8i9ZB6E12xPUbvJxC0JCez7Ab2
rtMJcKzquYSVqQIgEXd7q5rPat5FAa94ocv5oGuFxw1ZIjncJz6VaTLHYSM=
-----END CERTIFICATE-----
`

/** `0_TYPE` becomes `CODER_AIBRIDGE_PROVIDER_0_TYPE`. */
function env(fields: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      /^\w*\d\w*_/.test(name) && !name.startsWith('CODER')
        ? `CODER_AIBRIDGE_PROVIDER_${name}`
        : name,
      value,
    ]),
  )
}

function providersOf(fields: Readonly<Record<string, string>>) {
  return load({ env: env(fields) }).settings.bridge.providers
}

function hostsOf(fields: Readonly<Record<string, string>>): Record<string, string[]> {
  return Object.fromEntries(
    providersOf(fields).map(({ name, hosts }) => [
      name,
      hosts.map(({ host, port }) => (port === undefined ? host : `${host}:${port}`)),
    ]),
  )
}

const six = 'a,b,c,d,e,f'

describe('indexed providers refuse', () => {
  const rows: readonly [string, Record<string, string>, string][] = [
    ['a list that does not start at 0', { '1_TYPE': 'openai' }, 'provider num 0 skipped: '],
    ['a gap', { '0_TYPE': 'openai', '2_TYPE': 'anthropic' }, 'provider num 1 skipped: '],
    [
      'a number that is none',
      { x0_TYPE: 'openai' },
      'parse number: CODER_AIBRIDGE_PROVIDER_x0_TYPE',
    ],
    [
      'a variable without a key',
      { CODER_AIBRIDGE_PROVIDER_0: 'openai' },
      'invalid env var: CODER_AIBRIDGE_PROVIDER_0',
    ],
    ['a provider without type', { '0_NAME': 'one' }, 'provider 0: TYPE is required'],
    ['an unknown type', { '0_TYPE': 'opena1' }, 'provider 0: unknown TYPE "opena1" (must be '],
    [
      'two of one name',
      { '0_TYPE': 'openai', '1_TYPE': 'openai' },
      'provider 1: duplicate NAME "openai" (multiple providers of the same type require explicit NAME fields)',
    ],
    [
      'a bad name',
      { '0_TYPE': 'openai', '0_NAME': 'Open AI' },
      'invalid provider name "Open AI": must contain only lowercase alphanumeric characters and hyphens',
    ],
    [
      'Bedrock fields elsewhere',
      { '0_TYPE': 'openai', '0_BEDROCK_REGION': 'eu-central-1' },
      'BEDROCK_* fields are only supported with TYPE ',
    ],
    [
      'KEY with KEYS',
      { '0_TYPE': 'openai', '0_KEY': 'a', '0_KEYS': 'b' },
      'KEY and KEYS are mutually exclusive',
    ],
    [
      'KEY with KEY_FILE',
      { '0_TYPE': 'openai', '0_KEY': 'a', '0_KEY_FILE': '/k' },
      'KEY and KEY_FILE are mutually exclusive',
    ],
    [
      'both access keys',
      {
        '0_TYPE': 'bedrock',
        '0_BEDROCK_ACCESS_KEY': 'a',
        '0_BEDROCK_ACCESS_KEYS': 'a',
        '0_BEDROCK_ACCESS_KEY_SECRET': 'b',
      },
      'BEDROCK_ACCESS_KEY and BEDROCK_ACCESS_KEYS are mutually exclusive',
    ],
    [
      'both access key secrets',
      {
        '0_TYPE': 'bedrock',
        '0_BEDROCK_ACCESS_KEY': 'a',
        '0_BEDROCK_ACCESS_KEY_SECRETS': 'a',
        '0_BEDROCK_ACCESS_KEY_SECRET': 'b',
      },
      'BEDROCK_ACCESS_KEY_SECRET and BEDROCK_ACCESS_KEY_SECRETS are mutually exclusive',
    ],
    [
      'a key with Bedrock fields',
      { '0_TYPE': 'anthropic', '0_KEY': 'a', '0_BEDROCK_REGION': 'eu-central-1' },
      'KEY/KEYS and BEDROCK_* fields are mutually exclusive',
    ],
    [
      'a key for Copilot',
      { '0_TYPE': 'copilot', '0_KEY': 'a' },
      'KEY/KEYS are not supported for TYPE copilot',
    ],
    [
      'a key for Bedrock',
      { '0_TYPE': 'bedrock', '0_KEY': 'a', '0_BEDROCK_REGION': 'x' },
      'KEY/KEYS are not supported for TYPE bedrock',
    ],
    [
      'Bedrock without fields',
      { '0_TYPE': 'bedrock' },
      'requires BEDROCK_* fields to be configured',
    ],
    ['an empty key', { '0_TYPE': 'openai', '0_KEYS': 'a,,b' }, 'key at index 1 is empty'],
    ['a key twice', { '0_TYPE': 'openai', '0_KEYS': 'a,b,a' }, 'duplicate key at index 2'],
    ['six keys', { '0_TYPE': 'openai', '0_KEYS': six }, 'too many keys (6), maximum is 5'],
    [
      'unequal counts',
      { '0_TYPE': 'bedrock', '0_BEDROCK_ACCESS_KEYS': 'a,b', '0_BEDROCK_ACCESS_KEY_SECRETS': 'c' },
      'BEDROCK_ACCESS_KEYS count (2) must match BEDROCK_ACCESS_KEY_SECRETS count (1)',
    ],
    [
      'both prefixes',
      { '0_TYPE': 'openai', CODER_AI_GATEWAY_PROVIDER_0_NAME: 'x' },
      'cannot mix CODER_AIBRIDGE_PROVIDER_* and CODER_AI_GATEWAY_PROVIDER_* environment variables, please consolidate onto CODER_AI_GATEWAY_PROVIDER_*',
    ],
    [
      'a name that the single OpenAI key has',
      { '0_TYPE': 'openai', CODER_AIBRIDGE_OPENAI_KEY: 'a' },
      'legacy CODER_AIBRIDGE_OPENAI_KEY conflicts with indexed provider named "openai"; remove one or the other',
    ],
    [
      'a name that the single Anthropic key has',
      { '0_TYPE': 'copilot', '0_NAME': 'anthropic', CODER_AIBRIDGE_ANTHROPIC_KEY: 'a' },
      'legacy CODER_AIBRIDGE_ANTHROPIC_KEY conflicts with indexed provider named "anthropic"; remove one or the other',
    ],
    [
      'half of the AWS keys',
      {
        CODER_AIBRIDGE_BEDROCK_REGION: 'eu-central-1',
        CODER_AIBRIDGE_BEDROCK_ACCESS_KEY: 'a',
      },
      'CODER_AIBRIDGE_BEDROCK_ACCESS_KEY and CODER_AIBRIDGE_BEDROCK_ACCESS_KEY_SECRET must be set together',
    ],
    [
      'Bedrock behind a gateway without a region',
      { '0_TYPE': 'bedrock', '0_BEDROCK_BASE_URL': 'https://gw.example' },
      'provider 0: BEDROCK_REGION is needed, since calls are signed for a region',
    ],
    [
      'a single key and Bedrock',
      { CODER_AIBRIDGE_ANTHROPIC_KEY: 'a', CODER_AIBRIDGE_BEDROCK_REGION: 'eu-central-1' },
      'CODER_AIBRIDGE_ANTHROPIC_KEY and CODER_AIBRIDGE_BEDROCK_* are mutually exclusive',
    ],
    [
      'no base URL where the type has none',
      { '0_TYPE': 'openai-compat' },
      'BASE_URL is required for TYPE openai-compat',
    ],
    [
      'a base URL with credentials',
      { '0_TYPE': 'openai', '0_BASE_URL': 'https://u:p@gw.example/' },
      'it must not contain credentials',
    ],
    [
      'a base URL with a query',
      { '0_TYPE': 'openai', '0_BASE_URL': 'https://gw.example/?x=1' },
      'it must not have a query or a fragment',
    ],
    [
      'a base URL with a fragment',
      { '0_TYPE': 'openai', '0_BASE_URL': 'https://gw.example/#x' },
      'it must not have a query or a fragment',
    ],
    [
      'a base URL that is not http',
      { '0_TYPE': 'openai', '0_BASE_URL': 'gw.example' },
      'invalid base URL "gw.example"',
    ],
    [
      'a base URL with a trailing dot',
      { '0_TYPE': 'openai', '0_BASE_URL': 'https://gw.example./' },
      'The host must not end with a dot',
    ],
    [
      'plain http beyond loopback',
      { '0_TYPE': 'openai', '0_BASE_URL': 'http://gw.example/v1' },
      'set ALLOW_INSECURE_HTTP=true',
    ],
    [
      'a bad bool',
      { '0_TYPE': 'openai', '0_ALLOW_INSECURE_HTTP': 'ja' },
      'CODER_AIBRIDGE_PROVIDER_0_ALLOW_INSECURE_HTTP: "ja" is not a bool',
    ],
    [
      'a bad host',
      { '0_TYPE': 'openai', '0_HOSTS': 'a.example,b_!.example' },
      'CODER_AIBRIDGE_PROVIDER_0_HOSTS: invalid host "b_!.example"',
    ],
    [
      'one host in two HOSTS',
      {
        '0_TYPE': 'openai',
        '0_HOSTS': 'gw.example',
        '1_TYPE': 'anthropic',
        '1_HOSTS': 'GW.example',
      },
      'provider 1 ("anthropic"): hostname "gw.example" already claimed by provider "openai"',
    ],
    [
      'a CA file that is missing',
      { '0_TYPE': 'openai', '0_CA_FILE': '/none' },
      'CODER_AIBRIDGE_PROVIDER_0_CA_FILE: cannot read "/none" (ENOENT)',
    ],
    [
      'a CA file without certificates',
      { '0_TYPE': 'openai', '0_CA_FILE': '/text' },
      '"/text" holds no readable PEM certificate',
    ],
    [
      'a key file that is missing',
      { '0_TYPE': 'openai', '0_KEY_FILE': '/none' },
      'CODER_AIBRIDGE_PROVIDER_0_KEY_FILE: cannot read "/none" (ENOENT)',
    ],
    [
      'a key file that is empty',
      { '0_TYPE': 'openai', '0_KEY_FILE': '/empty' },
      'CODER_AIBRIDGE_PROVIDER_0_KEY_FILE: "/empty" is empty',
    ],
    [
      'a key with a line break',
      { '0_TYPE': 'openai', '0_KEY_FILE': '/lines' },
      'the value holds blanks, line breaks',
    ],
  ]
  const files = { '/text': 'text', '/empty': '\n', '/lines': 'one\ntwo\n' }
  for (const [name, fields, text] of rows) {
    it(name, () => {
      const problems = problemsOf({ env: env(fields), files })
      assert.ok(
        problems.some(problem => problem.includes(text)),
        problems.join('\n'),
      )
    })
  }
})

describe('indexed providers', () => {
  it('are read in the order of their numbers, ten behind nine', () => {
    const fields = Object.fromEntries(
      Array.from({ length: 11 }, (_, n) => [
        [`${n}_TYPE`, 'openai-compat'],
        [`${n}_NAME`, `p${n}`],
        [`${n}_BASE_URL`, `https://h${n}.example`],
      ]).flat() as [string, string][],
    )
    assert.deepEqual(
      providersOf(fields).map(provider => provider.name),
      Array.from({ length: 11 }, (_, n) => `p${n}`),
    )
  })

  it('are the whole list: no default is added', () => {
    assert.deepEqual(hostsOf({ '0_TYPE': 'openai' }), { openai: ['api.openai.com'] })
  })

  it('take their fields in any case, and under the later prefix', () => {
    assert.deepEqual(
      providersOf({
        CODER_AI_GATEWAY_PROVIDER_0_Type: 'openai',
        CODER_AI_GATEWAY_PROVIDER_0_name: 'x',
      }).map(provider => provider.name),
      ['x'],
    )
  })

  it('warn about unknown fields and go on', () => {
    const { warnings } = load({ env: env({ '0_TYPE': 'openai', '0_BASEURL': 'x' }) })
    assert.deepEqual(warnings, [
      'ignoring unknown AI provider field (check for typos): CODER_AIBRIDGE_PROVIDER_0_BASEURL: did you mean BASE_URL?',
    ])
  })

  it('take the keys from KEY, KEYS or a file', () => {
    const keysOf = (fields: Record<string, string>, files = {}) =>
      load({
        env: env({ '0_TYPE': 'openai', ...fields }),
        files,
      }).settings.bridge.providers[0]?.keys.map(key => key.reveal())
    assert.deepEqual(keysOf({ '0_KEY': 'sk-1' }), ['sk-1'])
    assert.deepEqual(keysOf({ '0_KEYS': 'sk-1, sk-2' }), ['sk-1', 'sk-2'])
    assert.deepEqual(keysOf({ '0_KEY_FILE': '/k' }, { '/k': 'sk-3\n' }), ['sk-3'])
    assert.deepEqual(keysOf({}), [])
  })

  it('are on Bedrock by region or base URL, with keys or the default chain', () => {
    const [keyed, chained] = providersOf({
      '0_TYPE': 'anthropic',
      '0_BEDROCK_REGION': 'eu-central-1',
      '0_BEDROCK_ACCESS_KEY': 'AKIA0123',
      '0_BEDROCK_ACCESS_KEY_SECRET': 'secret',
      '0_BEDROCK_MODEL': 'm',
      '1_TYPE': 'bedrock',
      '1_BEDROCK_BASE_URL': 'https://bedrock-runtime.us-west-2.amazonaws.com/x/',
    })
    assert.equal(keyed?.type, 'anthropic')
    assert.equal(keyed.origin.target.text, 'bedrock-runtime.eu-central-1.amazonaws.com:443')
    assert.deepEqual(
      keyed.siblings.map(({ origin }) => origin.target.text),
      ['api.anthropic.com:443'],
    )
    assert.deepEqual(
      keyed.hosts.map(({ host }) => host),
      ['bedrock-runtime.eu-central-1.amazonaws.com', 'api.anthropic.com'],
    )
    assert.deepEqual(
      [
        keyed.bedrock?.keys[0]?.id.reveal(),
        keyed.bedrock?.keys[0]?.secret.reveal(),
        keyed.bedrock?.model,
      ],
      ['AKIA0123', 'secret', 'm'],
    )
    assert.equal(chained?.bedrock?.region, 'us-west-2')
    assert.deepEqual(chained.bedrock.keys, [])
    assert.equal(chained.basePath, '/x')
    assert.match(chained.bedrock.smallFastModel, /haiku/)
    assert.deepEqual(chained.siblings, [])
  })

  it('keep the path of the base URL without its slash, and default ports', () => {
    const [provider] = providersOf({
      '0_TYPE': 'openai',
      '0_BASE_URL': 'https://GW.example/openai/v1/',
    })
    assert.equal(provider?.basePath, '/openai/v1')
    assert.equal(provider?.origin.target.text, 'gw.example:443')
  })

  it('read the extra roots of a provider', () => {
    const fields = env({ '0_TYPE': 'openai', '0_CA_FILE': '/ca.pem' })
    const { providers } = load({ env: fields, files: { '/ca.pem': `# ours\n${ROOT}` } }).settings
      .bridge
    assert.equal(providers[0]?.caPem, ROOT)
  })
})

describe('the hosts of a provider', () => {
  it("are the type's own for the first of the type, and the base URL's", () => {
    assert.deepEqual(
      hostsOf({
        '0_TYPE': 'openai',
        '0_BASE_URL': 'https://gw.example:8443/v1',
        '1_TYPE': 'openai',
        '1_NAME': 'second',
        '1_BASE_URL': 'https://other.example/v1',
      }),
      { openai: ['gw.example', 'api.openai.com'], second: ['other.example'] },
    )
  })

  it("leave the type's own host alone where the first of the type has HOSTS", () => {
    const fields = {
      '0_TYPE': 'openai',
      '0_HOSTS': 'a.example:443,a.example:8443',
      '1_TYPE': 'openai',
      '1_NAME': 'second',
      '1_BASE_URL': 'https://other.example/v1',
    }
    const loaded = load({ env: env(fields) })
    assert.deepEqual(loaded.settings.proxy.interceptedHosts, ['a.example', 'other.example'])
    assert.deepEqual(loaded.warnings, [])
  })

  it('go to the provider whose base URL they are, before the first of the type', () => {
    assert.deepEqual(
      hostsOf({
        '0_TYPE': 'openai',
        '0_NAME': 'router',
        '0_BASE_URL': 'https://router.example/v1',
        '1_TYPE': 'openai',
      }),
      { router: ['router.example'], openai: ['api.openai.com'] },
    )
  })

  it('of a type with several are all its own, each with its own origin', () => {
    const [business, individual] = [
      'api.business.githubcopilot.com',
      'api.individual.githubcopilot.com',
    ]
    const siblings = (fields: Record<string, string>): string[] =>
      load({ env: env(fields) }).settings.bridge.providers.flatMap(provider =>
        provider.siblings.map(({ origin }) => origin.target.text),
      )
    assert.deepEqual(hostsOf({ '0_TYPE': 'copilot' }), { copilot: [individual, business] })
    assert.deepEqual(siblings({ '0_TYPE': 'copilot' }), [`${business}:443`])
    const other = { '0_TYPE': 'copilot', '0_BASE_URL': `https://${business}` }
    assert.deepEqual(siblings(other), [`${individual}:443`])
    assert.deepEqual(siblings({ '0_TYPE': 'copilot', '0_BASE_URL': 'https://gw.example' }), [])
  })

  it('of one type go to the provider that names them, without a word', () => {
    const fields = {
      '0_TYPE': 'copilot',
      '1_TYPE': 'copilot',
      '1_NAME': 'copilot-business',
      '1_BASE_URL': 'https://api.business.githubcopilot.com',
    }
    assert.deepEqual(hostsOf(fields), {
      copilot: ['api.individual.githubcopilot.com'],
      'copilot-business': ['api.business.githubcopilot.com'],
    })
    assert.deepEqual(load({ env: env(fields) }).warnings, [])
  })

  it('are replaced by HOSTS, which may name ports', () => {
    assert.deepEqual(hostsOf({ '0_TYPE': 'openai', '0_HOSTS': 'A.example, b.example:8443' }), {
      openai: ['a.example', 'b.example:8443'],
    })
  })

  it('shared behind one gateway go to the first, with a warning', () => {
    const fields = {
      '0_TYPE': 'openai',
      '0_BASE_URL': 'https://gw.example/openai/v1',
      '1_TYPE': 'anthropic',
      '1_BASE_URL': 'https://gw.example/anthropic',
    }
    assert.deepEqual(hostsOf(fields), {
      openai: ['gw.example', 'api.openai.com'],
      anthropic: ['api.anthropic.com'],
    })
    assert.deepEqual(load({ env: env(fields) }).warnings, [
      'provider 1 ("anthropic"): hostname "gw.example" already claimed by provider "openai": it is intercepted for that one',
    ])
  })

  for (const [url, hosts] of [
    ['https://127.0.0.1:4443/', ['127.0.0.1:4443', 'api.openai.com']],
    ['https://localhost:4443/', ['localhost:4443', 'api.openai.com']],
    ['https://[::1]:4443/', ['::1:4443', 'api.openai.com']],
    ['http://127.0.0.1:4443/', ['api.openai.com']],
  ] as const) {
    it(`of the base URL ${url} are ${hosts.join(' and ')}`, () => {
      assert.deepEqual(hostsOf({ '0_TYPE': 'openai', '0_BASE_URL': url }), { openai: hosts })
    })
  }

  it('include a plain one where that is allowed', () => {
    const fields = {
      '0_TYPE': 'openai',
      '0_BASE_URL': 'http://gw.example/v1',
      '0_ALLOW_INSECURE_HTTP': 'true',
    }
    assert.deepEqual(hostsOf(fields), { openai: ['gw.example', 'api.openai.com'] })
  })
})

describe('single providers', () => {
  it('replace the default of their type and leave the others', () => {
    const providers = providersOf({ CODER_AIBRIDGE_ANTHROPIC_KEY: 'sk-ant' })
    assert.deepEqual(
      providers.map(({ name, keys }) => [name, keys[0]?.reveal()]),
      [
        ['anthropic', 'sk-ant'],
        ['openai', undefined],
        ['copilot', undefined],
      ],
    )
  })

  it('exist without a key where their base URL is set', () => {
    const { openai } = hostsOf({ CODER_AIBRIDGE_OPENAI_BASE_URL: 'https://gw.example/v1/' })
    assert.deepEqual(openai, ['gw.example', 'api.openai.com'])
  })

  it('stand before the list, which leaves the defaults out', () => {
    const fields = { CODER_AIBRIDGE_OPENAI_KEY: 'sk', '0_TYPE': 'copilot' }
    assert.deepEqual(Object.keys(hostsOf(fields)), ['openai', 'copilot'])
  })

  it('take their key from a file', () => {
    const loaded = load({
      env: { CODER_AIBRIDGE_OPENAI_KEY_FILE: '/k' },
      files: { '/k': 'sk-file\n' },
    })
    const openai = loaded.settings.bridge.providers.find(provider => provider.name === 'openai')
    assert.equal(openai?.keys[0]?.reveal(), 'sk-file')
  })

  it('put Anthropic on Bedrock, with its keys and models', () => {
    const providers = providersOf({
      CODER_AIBRIDGE_BEDROCK_REGION: 'eu-central-1',
      CODER_AIBRIDGE_BEDROCK_ACCESS_KEY: 'AKIA0123',
      CODER_AIBRIDGE_BEDROCK_ACCESS_KEY_SECRET: 'secret',
      CODER_AIBRIDGE_BEDROCK_SMALL_FAST_MODEL: 'small',
    })
    const anthropic = providers.find(({ name }) => name === 'anthropic')
    assert.equal(anthropic?.bedrock?.keys[0]?.secret.reveal(), 'secret')
    assert.equal(anthropic.bedrock.smallFastModel, 'small')
    assert.match(anthropic.bedrock.model, /sonnet/)
    assert.equal(providers.length, 3)
  })
})

describe('providers in the file', () => {
  const file = [
    'aibridge:',
    '  providers:',
    '    - type: openai',
    '      base_url: https://gw.example/v1',
    '      hosts: [a.example, b.example]',
    '    - type: anthropic',
    '      key_file: /key',
  ].join('\n')

  it('are completed and overridden by the variables of the same number', () => {
    const base = withYaml(file)
    const { providers } = load({
      env: { ...base.env, ...env({ '0_KEY': 'sk-0', '0_HOSTS': 'c.example' }) },
      files: { ...base.files, '/key': 'sk-1' },
    }).settings.bridge
    assert.deepEqual(
      providers.map(({ name, keys, hosts }) => [
        name,
        keys[0]?.reveal(),
        hosts.map(({ host }) => host),
      ]),
      [
        ['openai', 'sk-0', ['c.example']],
        ['anthropic', 'sk-1', ['api.anthropic.com']],
      ],
    )
  })

  it('refuse keys in the file and unknown fields, by line', () => {
    const problems = problemsOf(
      withYaml(
        'ai_gateway:\n  providers:\n    - type: openai\n      key: sk-canary\n      hosst: [a.example]\n',
      ),
    )
    assert.deepEqual(problems, [
      'config.yaml:4 ai_gateway.providers[0].key: secrets are not read from YAML: use CODER_AIBRIDGE_PROVIDER_0_KEY',
      'config.yaml:5 ai_gateway.providers[0].hosst: unknown key: did you mean hosts?',
    ])
  })

  for (const [name, text, problem] of [
    [
      'a mapping',
      'aibridge:\n  providers:\n    openai: {type: openai}\n',
      /:2 aibridge.providers: needs a sequence of providers, each with a type/,
    ],
    [
      'a sequence of names',
      'aibridge:\n  providers: [openai]\n',
      /:2 aibridge.providers\[0\]: needs a provider, as \{type: openai\}/,
    ],
  ] as const) {
    it(`refuse ${name} in place of the list`, () => {
      assert.match(problemsOf(withYaml(text))[0] ?? '', problem)
    })
  }
})

describe('no message shows a secret', () => {
  const CANARY = 'canary7f3a'
  const inputs: readonly Record<string, string>[] = [
    { '0_TYPE': 'nope', '0_KEY': CANARY },
    { '0_TYPE': 'openai', '0_KEY': `${CANARY} ${CANARY}`, '0_KEYS': CANARY },
    { '0_TYPE': 'openai', '0_KEYS': `${CANARY},${CANARY},,` },
    { '0_TYPE': 'openai', '0_BASE_URL': `https://u:${CANARY}@gw.example/` },
    { '0_TYPE': 'openai', '0_BASE_URL': `https://gw.example/?key=${CANARY}` },
    { '0_TYPE': 'copilot', '0_KEY': CANARY },
    { '0_TYPE': 'bedrock', '0_BEDROCK_ACCESS_KEYS': `${CANARY},${CANARY}` },
    { CODER_AIBRIDGE_OPENAI_KEY: CANARY, CODER_AI_GATEWAY_OPENAI_KEY: `${CANARY}2` },
    { CODER_AIBRIDGE_OPENAI_KEY: `${CANARY}\n` },
    { CODER_PG_CONNECTION_URL: `postgres://u:${CANARY} @h/` },
    { CODER_AIBRIDGE_PROXY_UPSTREAM: `ftp://u:${CANARY}@h` },
    { CODER_AIBRIDGE_PROXY_UPSTREAM: `http://u:${CANARY}@h/path@x` },
    { CODER_AIBRIDGE_PROXY_UPSTREAM: `http://u:${CANARY}%zz@h` },
    { CODER_AIBRIDGE_PROXY_UPSTREAM: `u:${CANARY}@h:99999` },
    { CODER_ACCESS_URL: `https://u:${CANARY}@coder.example` },
  ]
  for (const [index, fields] of inputs.entries()) {
    it(`of configuration ${index}: ${Object.keys(fields).join(', ')}`, () => {
      const problems = problemsOf({ env: env(fields) })
      assert.ok(!problems.join('\n').includes(CANARY), problems.join('\n'))
    })
  }

  it('of a file with a key in it, well formed or not', () => {
    for (const text of [
      `aibridge:\n  openai_key: ${CANARY}\n`,
      `aibridge:\n  providers:\n    - type: openai\n      key: ${CANARY}\n`,
      `aibridge:\n  openai_key: "${CANARY}\n bad: [\n`,
    ]) {
      assert.ok(!problemsOf(withYaml(text)).join('\n').includes(CANARY))
    }
  })

  it('nor does anything that was loaded, printed in any way', () => {
    const loaded = load({
      env: env({
        '0_TYPE': 'openai',
        '0_KEY': CANARY,
        CODER_AIBRIDGE_ANTHROPIC_KEY: CANARY,
        CODER_AIBRIDGE_PROXY_UPSTREAM: `http://u:${CANARY}@proxy.internal:3128`,
      }),
    })
    assert.ok(!inspect(loaded, { depth: 12 }).includes(CANARY))
    assert.ok(!JSON.stringify(loaded).includes(CANARY))
  })
})
