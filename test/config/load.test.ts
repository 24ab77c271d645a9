import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { load, problemsOf, TYPES, valueOf, withYaml } from './loading.ts'

const ADDRESS = 'CODER_HTTP_ADDRESS'

describe('loadConfig', () => {
  it('needs nothing: loopback listeners and keyless providers for the known hosts', () => {
    const { settings, warnings } = load()
    assert.deepEqual(settings.proxy.listen, { host: '127.0.0.1', port: 8888 })
    assert.deepEqual(settings.api.listen, { host: '127.0.0.1', port: 8889 })
    assert.equal(settings.stateDir, '/home/op/.local/state/aibridgeproxyd')
    assert.equal(settings.limits.streamIdleTimeoutMs, 600_000)
    assert.deepEqual(settings.log, { level: 'info', queueBytes: 8 * 2 ** 20 })
    assert.deepEqual(settings.proxy.interceptedHosts, [
      'api.anthropic.com',
      'api.openai.com',
      'api.individual.githubcopilot.com',
      'api.business.githubcopilot.com',
    ])
    assert.ok(settings.bridge.providers.every(provider => provider.keys.length === 0))
    assert.deepEqual(warnings, [])
  })

  it('prefers flag to variable to file to default', () => {
    const file = withYaml('networking:\n  http:\n    httpAddress: :3\n')
    const env = { ...file.env, [ADDRESS]: ':2' }
    assert.equal(
      valueOf(load({ ...file, env, flags: { 'http-address': ':1' } }), ADDRESS).text,
      ':1',
    )
    assert.equal(valueOf(load({ ...file, env }), ADDRESS).text, ':2')
    assert.equal(valueOf(load(file), ADDRESS).text, ':3')
    assert.equal(valueOf(load(), ADDRESS).text, '127.0.0.1:8889')
  })

  it('passes on how much log text may wait', () => {
    const { settings, warnings } = load({
      env: { CODER_AIBRIDGE_PROXY_LOG_QUEUE_BYTES: '1MiB' },
    })
    assert.equal(settings.log.queueBytes, 2 ** 20)
    assert.deepEqual(warnings, [])
  })

  it('takes the state directory from systemd, then XDG, then the home directory', () => {
    const dir = (env: Record<string, string>) => load({ env }).settings.stateDir
    assert.equal(
      dir({ STATE_DIRECTORY: '/var/lib/a:/var/lib/b', XDG_STATE_HOME: '/x' }),
      '/var/lib/a',
    )
    assert.equal(dir({ XDG_STATE_HOME: '/x' }), '/x/aibridgeproxyd')
    assert.equal(dir({ XDG_STATE_HOME: 'relative' }), '/home/op/.local/state/aibridgeproxyd')
  })

  it('accepts an old and a new name with the same value, and refuses different ones', () => {
    const env = { CODER_AIBRIDGE_RETENTION: '90d', CODER_AI_GATEWAY_RETENTION: '90d' }
    assert.equal(valueOf(load({ env }), 'CODER_AIBRIDGE_RETENTION').text, '90d')
    assert.deepEqual(problemsOf({ env: { ...env, CODER_AI_GATEWAY_RETENTION: '91d' } }), [
      'CODER_AIBRIDGE_RETENTION and CODER_AI_GATEWAY_RETENTION set the same option to different values: remove one',
    ])
  })

  it('tells all problems at once', () => {
    const problems = problemsOf({
      ...withYaml('aibridgeproxy:\n  allowed_ports: [0]\n  lisen_addr: :1\n'),
      env: {
        CODER_CONFIG_PATH: 'config.yaml',
        CODER_AIBRIDGE_PROXY_ENABLED: 'maybe',
        CODER_AIBRIDGE_PROXY_TLS_CERT_FILE: '/tls.crt',
        CODER_AIBRIDGE_PROVIDER_0_TYPE: 'nope',
      },
    })
    const expected = [
      /^config.yaml:3 aibridgeproxy.lisen_addr: unknown key: did you mean aibridgeproxy.listen_addr\?$/,
      /^CODER_AIBRIDGE_PROXY_ENABLED: "maybe" is not a bool: use true or false$/,
      /^config.yaml:2 aibridgeproxy.allowed_ports: "0" is not a port/,
      /tls cert file and tls key file must both be set/,
      /^provider 0: unknown TYPE "nope" \(must be /,
    ]
    assert.equal(problems.length, expected.length, problems.join('\n'))
    for (const pattern of expected) {
      assert.ok(
        problems.some(problem => pattern.test(problem)),
        `${pattern}\n${problems.join('\n')}`,
      )
    }
  })

  it('warns about what has no effect yet, only where it was set', () => {
    const { warnings } = load({
      env: { CODER_AIBRIDGE_PROXY_WORKERS: '2', CODER_CHAT_ACQUIRE_BATCH_SIZE: '5' },
    })
    assert.deepEqual(warnings, [
      'CODER_AIBRIDGE_PROXY_WORKERS: "Workers" is accepted but has no effect yet',
      'CODER_CHAT_ACQUIRE_BATCH_SIZE: ignored: Ignored: this daemon has no chat agents.',
    ])
  })

  it('warns about a secret that the process list shows', () => {
    assert.deepEqual(load({ flags: { 'aibridge-openai-key': 'sk-canary' } }).warnings, [
      '--aibridge-openai-key: everybody on this machine can read it in the process list: use CODER_AIBRIDGE_OPENAI_KEY_FILE',
    ])
  })

  it('warns about variables that look like ours, and about no others', () => {
    const { warnings } = load({
      env: { CODER_AIBRIDGE_PROXY_LISTEN_ADR: ':1', CODER_AGENT_TOKEN: 'x', PATH: '/bin' },
    })
    assert.deepEqual(warnings, [
      'CODER_AIBRIDGE_PROXY_LISTEN_ADR: unknown variable: did you mean CODER_AIBRIDGE_PROXY_LISTEN_ADDR?',
    ])
  })

  it('refuses secrets in the file, by line, and says where they belong', () => {
    assert.deepEqual(problemsOf(withYaml('aibridge:\n  openai_key: sk-canary\n')), [
      'config.yaml:2 aibridge.openai_key: secrets are not read from YAML: use CODER_AIBRIDGE_OPENAI_KEY or CODER_AIBRIDGE_OPENAI_KEY_FILE',
    ])
  })

  it('does not show what may be a secret in place of its file', () => {
    for (const name of ['OPENAI_KEY_FILE', 'PROVIDER_0_KEY_FILE']) {
      const env = {
        CODER_AIBRIDGE_PROVIDER_0_TYPE: 'openai',
        [`CODER_AIBRIDGE_${name}`]: 'sk-canary',
      }
      const problems = problemsOf({ env })
      assert.match(problems.join(), /cannot read the file that it names \(ENOENT\)/)
      assert.doesNotMatch(problems.join(), /canary/)
    }
    const env = { CODER_AIBRIDGE_OPENAI_KEY_FILE: '/run/key' }
    assert.match(problemsOf({ env }).join(), /cannot read "\/run\/key" \(ENOENT\)/)
  })

  it('reads regular files of some size only, so that no reload hangs in one', () => {
    const directory = mkdtempSync(join(tmpdir(), 'aibridge-load-'))
    execFileSync('sh', ['-c', 'mkfifo "$0"', join(directory, 'fifo')])
    writeFileSync(join(directory, 'huge'), '')
    truncateSync(join(directory, 'huge'), 2 ** 30)
    const real = { types: TYPES, home: '/home/op', flags: {} }
    for (const [path, told] of [
      [join(directory, 'fifo'), /\(not a regular file\)/],
      [directory, /\(not a regular file\)/],
      ['/dev/zero', /\(not a regular file\)/],
      [join(directory, 'huge'), /\(more than 16 MiB\)/],
    ] as const) {
      assert.throws(() => loadConfig({ ...real, env: { CODER_AIBRIDGE_OPENAI_KEY_FILE: path } }), {
        message: told,
      })
      assert.throws(() => loadConfig({ ...real, env: { CODER_CONFIG_PATH: path } }), {
        message: told,
      })
    }
    rmSync(directory, { recursive: true })
  })

  it('warns of a secret that everybody on the machine can read', () => {
    const directory = mkdtempSync(join(tmpdir(), 'aibridge-load-'))
    const file = join(directory, 'key')
    writeFileSync(file, 'sk-canary')
    for (const name of ['OPENAI_KEY_FILE', 'PROVIDER_0_KEY_FILE']) {
      const env = { CODER_AIBRIDGE_PROVIDER_0_TYPE: 'anthropic', [`CODER_AIBRIDGE_${name}`]: file }
      const told = (mode: number): string[] => {
        chmodSync(file, mode)
        const { warnings } = loadConfig({ types: TYPES, home: '/home/op', flags: {}, env })
        return warnings.filter(text => text.includes(file))
      }
      assert.deepEqual(told(0o640), [])
      assert.deepEqual(told(0o644), [
        `CODER_AIBRIDGE_${name}: everybody on this machine can read "${file}": chmod o-rwx it`,
      ])
    }
    rmSync(directory, { recursive: true })
  })

  it('refuses a file that is not YAML, or no mapping, or has values of the wrong form', () => {
    for (const [text, pattern] of [
      ['aibridge: [', /^config.yaml:1: not YAML \(/],
      ['- aibridge', /^config.yaml:1: needs a mapping of sections$/],
      ['aibridge: true', /^config.yaml:1 aibridge: needs options, indented below it$/],
      [
        'chat:\n  acquire_batch_size: [1]',
        /^config.yaml:2 chat.acquire_batch_size: needs a single value$/,
      ],
      ['a: 1\na: 2', /^config.yaml:2: not YAML \(DUPLICATE_KEY\)$/],
      [
        'aibridge: &x\n  rate_limit: &y 5\n  max_concurrency: *y',
        /max_concurrency: needs a single value$/,
      ],
      ['aibridgeproxy:\n  allowed_ports: [[80]]', /needs a single value or a sequence of such$/],
    ] as const) {
      const problems = problemsOf(withYaml(text))
      assert.ok(
        problems.every(problem => pattern.test(problem)),
        problems.join('\n'),
      )
    }
    for (const empty of ['', '# nothing\n', 'aibridge:\n', 'aibridge:\n  rate_limit:\n'])
      load(withYaml(empty))
  })

  it('refuses a file that is missing', () => {
    assert.deepEqual(problemsOf({ flags: { config: '/nowhere.yaml' } }), [
      '--config: cannot read "/nowhere.yaml" (ENOENT): check the path and its mode',
    ])
  })
})

describe('contradictory settings refuse the start', () => {
  const P = 'CODER_AIBRIDGE_PROXY_'
  const tls = { [`${P}TLS_CERT_FILE`]: '/c', [`${P}TLS_KEY_FILE`]: '/k' }
  const rows: readonly [string, Record<string, string>, RegExp][] = [
    ['CA without key', { [`${P}CERT_FILE`]: '/c' }, /MITM CA cert file and key file are required/],
    ['CA key alone', { [`${P}KEY_FILE`]: '/c' }, /MITM CA cert file and key file are required/],
    [
      'TLS key alone',
      { [`${P}TLS_KEY_FILE`]: '/k' },
      /tls cert file and tls key file must both be set/,
    ],
    [
      'TLS listener without certificate',
      { [`${P}TLS_LISTEN_ADDR`]: ':8443' },
      /TLS_LISTEN_ADDR needs a certificate/,
    ],
    [
      'proxy on the address of the API',
      { CODER_HTTP_ADDRESS: '127.0.0.1:8888' },
      /LISTEN_ADDR and CODER_HTTP_ADDRESS are the same address, 127.0.0.1:8888/,
    ],
    ['API on all interfaces, same port', { CODER_HTTP_ADDRESS: ':8888' }, /are the same address/],
    [
      'TLS listener on the main address',
      { ...tls, [`${P}TLS_LISTEN_ADDR`]: '127.0.0.1:8888' },
      /are the same address/,
    ],
    [
      'metrics on the proxy address',
      { CODER_PROMETHEUS_ADDRESS: '127.0.0.1:8888' },
      /CODER_PROMETHEUS_ADDRESS are the same address/,
    ],
    [
      'one directory for the dumps of both sides',
      { [`${P}DUMP_DIR`]: '/var/dumps', CODER_AIBRIDGE_DUMP_DIR: '/var/dumps/' },
      /_PROXY_DUMP_DIR and CODER_AIBRIDGE_DUMP_DIR are the same directory/,
    ],
    [
      'no authentication for everybody',
      { [`${P}AUTH`]: 'off', [`${P}LISTEN_ADDR`]: ':8888' },
      /AUTH=off is for loopback listeners only, and the proxy listens on :8888/,
    ],
    [
      'no authentication on the TLS listener',
      { ...tls, [`${P}AUTH`]: 'off', [`${P}TLS_LISTEN_ADDR`]: '10.0.0.1:8443' },
      /AUTH=off .*10.0.0.1:8443/,
    ],
    [
      'no bridge at all',
      { CODER_AIBRIDGE_ENABLED: 'false' },
      /coder access URL is required when the bridge is off/,
    ],
    [
      'unreadable upstream CA',
      { [`${P}UPSTREAM`]: 'https://p:1', [`${P}UPSTREAM_CA`]: '/none' },
      /failed to read upstream proxy CA certificate.*_UPSTREAM_CA.*"\/none"/,
    ],
    [
      'upstream CA without a certificate',
      { [`${P}UPSTREAM`]: 'https://p:1', [`${P}UPSTREAM_CA`]: '/empty.pem' },
      /failed to parse upstream proxy CA certificate/,
    ],
    [
      'empty credentials',
      { [`${P}UPSTREAM`]: 'http://:@p:1' },
      /invalid credentials: both username and password are empty/,
    ],
    [
      'empty credentials without colon',
      { [`${P}UPSTREAM`]: 'http://@p:1' },
      /invalid credentials: both username and password are empty/,
    ],
    [
      'bad upstream URL',
      { [`${P}UPSTREAM`]: 'socks5://p:1' },
      /invalid upstream proxy URL "socks5:\/\/p:1"/,
    ],
    ['bad access URL', { CODER_ACCESS_URL: 'coder' }, /invalid coder access URL "coder"/],
    [
      'blank allowlist',
      { [`${P}DOMAIN_ALLOWLIST`]: ' , ' },
      /domain allowlist is empty, at least one domain is required/,
    ],
    [
      'allowlist entry without provider',
      { [`${P}DOMAIN_ALLOWLIST`]: 'example.com' },
      /domain "example.com" is in allowlist but has no provider mapping/,
    ],
    [
      'allowlist entry with another port',
      { [`${P}DOMAIN_ALLOWLIST`]: 'api.openai.com:8443' },
      /invalid domain allowlist: invalid port in domain "api.openai.com:8443": port 8443 is not in allowed ports \[80 443\]/,
    ],
    [
      'allowlist entry that is no host',
      { [`${P}DOMAIN_ALLOWLIST`]: 'api.openai.com:x' },
      /invalid domain allowlist: invalid domain "api.openai.com:x"/,
    ],
    [
      'NAT64 prefix of a wrong length',
      { [`${P}NAT64_PREFIXES`]: '64:ff9b::/97' },
      /invalid NAT64 prefix "64:ff9b::\/97"/,
    ],
  ]
  for (const [name, env, pattern] of rows) {
    it(name, () => {
      const problems = problemsOf({ env, files: { '/empty.pem': 'nothing\n' } })
      assert.equal(problems.length, 1, problems.join('\n'))
      assert.match(problems[0] ?? '', pattern)
    })
  }

  for (const cidr of [
    '0.0.0.0/0',
    '::/0',
    '10.0.0.1/8',
    '::ffff:10.0.0.0/104',
    '::10.0.0.0/104',
    '::/96',
    '::/8',
    '::ffff:0:0/95',
    '10/8',
    '10.0.0.1',
    '10.0.0.0/33',
    '010.0.0.0/8',
    'fe80::1%eth0/128',
  ]) {
    it(`range ${cidr}`, () => {
      const [problem = ''] = problemsOf({
        env: { [`${P}ALLOWED_PRIVATE_CIDRS`]: `10.1.0.0/16,${cidr}` },
      })
      assert.ok(problem.includes(`invalid allowed private CIDR "${cidr}"`), problem)
    })
  }

  it('leaves alone what only looks like a contradiction', () => {
    load({ env: { CODER_HTTP_ADDRESS: '127.0.0.1:0', [`${P}LISTEN_ADDR`]: '127.0.0.1:0' } })
    load({ env: { [`${P}AUTH`]: 'off', [`${P}LISTEN_ADDR`]: '[::1]:8888' } })
    load({ env: { CODER_HTTP_ADDRESS: ':8889' } })
    load({ env: { [`${P}ENABLED`]: 'false', CODER_HTTP_ADDRESS: '127.0.0.1:8888' } })
  })

  it('warns about a bridge target that nothing uses', () => {
    const { warnings } = load({ env: { [`${P}TARGET`]: 'https://coder.example/x' } })
    assert.match(warnings.join(), /CODER_AIBRIDGE_PROXY_TARGET.* no effect while the bridge/)
    assert.deepEqual(load({ env: { CODER_ACCESS_URL: 'https://coder.example' } }).warnings, [])
  })

  it('warns about listeners that take tokens in clear text beyond loopback', () => {
    const plain = load({ env: { CODER_HTTP_ADDRESS: ':8889', [`${P}LISTEN_ADDR`]: ':8888' } })
    assert.equal(plain.warnings.filter(text => text.includes('clear text')).length, 2)
    const secure = load({
      env: { [`${P}LISTEN_ADDR`]: ':8888', [`${P}TLS_CERT_FILE`]: 'c', [`${P}TLS_KEY_FILE`]: 'k' },
    })
    assert.deepEqual(secure.warnings, [])
  })

  it('warns about an upstream CA that nothing uses', () => {
    const env = { [`${P}UPSTREAM`]: 'http://p:1', [`${P}UPSTREAM_CA`]: '/none' }
    assert.deepEqual(load({ env }).warnings, [
      'upstream proxy CA certificate is only used for HTTPS upstream proxies, ignoring: unset CODER_AIBRIDGE_PROXY_UPSTREAM_CA, or use https:// in CODER_AIBRIDGE_PROXY_UPSTREAM',
    ])
  })
})

describe('the upstream proxy', () => {
  for (const [userinfo, credentials] of [
    ['user:pass@', 'user:pass'],
    ['user@', 'user:'],
    ['user:@', 'user:'],
    [':pass@', ':pass'],
    ['us%40er:p%3A%25@', 'us@er:p:%'],
    ['', undefined],
  ] as const) {
    it(`takes credentials of the form ${JSON.stringify(userinfo)}`, () => {
      const env = { CODER_AIBRIDGE_PROXY_UPSTREAM: `http://${userinfo}proxy.internal:3128` }
      const { upstream } = load({ env }).settings.proxy
      assert.equal(upstream?.credentials?.reveal(), credentials)
      assert.equal(upstream?.target.text, 'proxy.internal:3128')
    })
  }
})

describe('the domain allowlist', () => {
  it('restricts interception, with blanks and allowed ports', () => {
    const env = {
      CODER_AIBRIDGE_PROXY_DOMAIN_ALLOWLIST: ' API.openai.com , api.anthropic.com:443,',
    }
    const { proxy, bridge } = load({ env }).settings
    assert.deepEqual(proxy.interceptedHosts, ['api.anthropic.com', 'api.openai.com'])
    assert.deepEqual(
      bridge.providers.map(provider => provider.hosts),
      [
        [{ host: 'api.anthropic.com', port: 443 }],
        [{ host: 'api.openai.com', port: undefined }],
        [],
      ],
    )
  })
})
