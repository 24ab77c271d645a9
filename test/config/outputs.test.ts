import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { rootCertificates } from 'node:tls'
import { allOptions } from '../../src/config/options.ts'
import { deploymentConfig } from '../../src/config/output/deployment-config.ts'
import { describeValues } from '../../src/config/output/describe.ts'
import { exampleEnv, exampleYaml } from '../../src/config/output/examples.ts'
import { helpText } from '../../src/config/output/help.ts'
import { configReference } from '../../src/config/output/reference.ts'
import { load, withYaml } from './loading.ts'

const CANARY = 'canary7f3a'
const SECRETS = {
  CODER_AIBRIDGE_PROVIDER_0_TYPE: 'openai',
  CODER_AIBRIDGE_PROVIDER_0_KEY: CANARY,
  CODER_AIBRIDGE_ANTHROPIC_KEY: CANARY,
  CODER_PG_CONNECTION_URL: `postgres://ada:${CANARY}@db.example/books`,
  CODER_AIBRIDGE_PROXY_UPSTREAM: `http://u:${CANARY}@proxy.internal:3128`,
}

/** Files that examples name, with the examples of them. */
const EXAMPLES = {
  '/etc/aibridgeproxyd/policy.yaml': readFileSync('deploy/policy.example.yaml', 'utf8'),
  '/etc/aibridgeproxyd/prices.yaml': readFileSync('deploy/prices.example.yaml', 'utf8'),
  '/etc/aibridgeproxyd/issuer-ca.pem': rootCertificates[0] ?? '',
  '/etc/aibridgeproxyd/client-ca.pem': rootCertificates[0] ?? '',
}

/** Settings are commented out with `#` alone, explanations with `# `. */
function uncomment(text: string): string {
  return text.replaceAll(/^(\s*)#(?! \S)/gm, '$1')
}

function readEnv(text: string): Record<string, string> {
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(
    lines.map(line => /^(\w+)=(.*)$/.exec(line)!.slice(1)) as [string, string][],
  )
}

describe('generated files', () => {
  for (const [path, make] of [
    ['docs/reference/config.md', configReference],
    ['deploy/config.example.yaml', exampleYaml],
    ['deploy/env.example', exampleEnv],
  ] as const) {
    it(`${path} is what the table makes`, () => {
      assert.equal(readFileSync(path, 'utf8'), make(), 'run `npm run docs`')
    })
  }

  it('the environment example names every visible option and loads, uncommented too', () => {
    assert.deepEqual(readEnv(exampleEnv()), {})
    const env = readEnv(uncomment(exampleEnv()))
    for (const { env: name, hidden } of allOptions()) assert.equal(name in env, !hidden, name)
    const loaded = load({ env, files: { ...EXAMPLES, [env['CODER_CONFIG_PATH']!]: '' } })
    assert.ok(loaded.providers.some(provider => provider.settings.name === 'openai-eu'))
    assert.ok(!loaded.warnings.some(warning => warning.includes('unknown')))
  })

  it('the YAML example names every visible option that YAML has and loads, uncommented too', () => {
    assert.equal(
      load(withYaml(exampleYaml())).values.filter(value => value.source === 'yaml').length,
      0,
    )
    const input = withYaml(uncomment(exampleYaml()))
    const loaded = load({ ...input, files: { ...EXAMPLES, ...input.files } })
    for (const { option, source } of loaded.values) {
      if (option.env === 'CODER_CONFIG_PATH') continue
      assert.equal(
        source,
        option.yaml !== undefined && !option.hidden ? 'yaml' : 'default',
        option.env,
      )
    }
    assert.ok(loaded.providers.some(provider => provider.settings.name === 'openai-eu'))
  })

  it('help and reference name every option', () => {
    const help = helpText()
    const reference = configReference()
    for (const option of allOptions()) {
      assert.ok(reference.includes(`\`${option.env}\``), option.env)
      assert.equal(help.includes(`[${option.env}]`), !option.hidden, option.env)
    }
    assert.ok(help.split('\n').every(line => line.length <= 130))
  })
})

describe('describeValues', () => {
  it('shows each value with its source, providers and warnings, without secrets', () => {
    const text = describeValues(
      load({
        env: {
          ...SECRETS,
          CODER_AIBRIDGE_RATE_LIMIT: '7',
          CODER_AIBRIDGE_PROXY_WORKERS: '2',
        },
        flags: { 'http-address': ':1' },
      }),
    )
    assert.match(text, /^ {2}CODER_HTTP_ADDRESS +:1 +flag: --http-address$/m)
    assert.match(text, /^ {2}CODER_AIBRIDGE_RATE_LIMIT +7 +env: CODER_AIBRIDGE_RATE_LIMIT$/m)
    assert.match(text, /^ {2}CODER_AIBRIDGE_PROXY_LISTEN_ADDR +127.0.0.1:8888 +default$/m)
    assert.match(text, /^ {2}CODER_AIBRIDGE_ANTHROPIC_KEY +\[secret\] +env: /m)
    assert.match(
      text,
      /^ {2}CODER_AIBRIDGE_PROXY_UPSTREAM +http:\/\/\[secret\]@proxy.internal:3128 /m,
    )
    assert.match(
      text,
      /^ {2}openai\n {4}type +openai\n {4}base URL +https:\/\/api.openai.com\/v1\/$/m,
    )
    assert.match(text, /^ {4}hosts +api.openai.com$/m)
    assert.match(text, /^ {4}from +CODER_AIBRIDGE_PROVIDER_0_TYPE$/m)
    assert.match(text, /"Workers" is accepted but has no effect yet/)
    assert.ok(!text.includes(CANARY))
  })
})

describe('deploymentConfig', () => {
  it("has the documented shape, Coder's units, and no secret", () => {
    const served = deploymentConfig(
      load({ env: { ...SECRETS, CODER_ACCESS_URL: 'https://coder.example:8443/x' } }),
    )
    assert.ok(!JSON.stringify(served).includes(CANARY))
    const config = JSON.parse(JSON.stringify(served.config))
    assert.equal(config.ai.bridge.retention, 60 * 86_400 * 1e9)
    assert.equal(config.ai.bridge.circuit_breaker_interval, 10 * 1e9)
    assert.equal(config.ai.bridge.enabled, true)
    assert.equal(config.ai.bridge.anthropic.key, '')
    assert.equal(config.ai.bridge.openai.base_url, 'https://api.openai.com/v1/')
    assert.deepEqual(
      config.ai.bridge.providers.map((provider: { name: string }) => provider.name),
      ['anthropic', 'openai'],
    )
    assert.equal(config.ai.aibridge_proxy.upstream_proxy, 'http://[secret]@proxy.internal:3128')
    assert.deepEqual(config.ai.aibridge_proxy.allowed_private_cidrs, [])
    assert.equal(config.ai.chat.acquire_batch_size, 10)
    assert.equal(config.http_address, '127.0.0.1:8889')
    assert.deepEqual(config.prometheus, { enable: true, address: { host: '', port: '' } })
    assert.equal(config.access_url.host, 'coder.example:8443')
    assert.equal(config.config, '')
  })

  it('has the members of `ai` that the source document has', () => {
    const { config } = JSON.parse(JSON.stringify(deploymentConfig(load())))
    const { aibridge_proxy, bridge, chat } = config.ai
    for (const [object, names] of [
      [
        aibridge_proxy,
        'allowed_private_cidrs cert_file domain_allowlist enabled key_file listen_addr tls_cert_file tls_key_file upstream_proxy upstream_proxy_ca',
      ],
      [
        bridge,
        'anthropic bedrock circuit_breaker_enabled circuit_breaker_failure_threshold circuit_breaker_interval circuit_breaker_max_requests circuit_breaker_timeout enabled inject_coder_mcp_tools max_concurrency openai providers rate_limit retention send_actor_headers structured_logging',
      ],
      [bridge.bedrock, 'access_key access_key_secret base_url model region small_fast_model'],
      [chat, 'acquire_batch_size debug_logging_enabled'],
    ] as const) {
      for (const name of names.split(' ')) assert.ok(name in object, name)
    }
    assert.equal(typeof aibridge_proxy.listen_addr, 'string')
  })

  it('lists each option with where its value came from', () => {
    const { options } = deploymentConfig(load({ flags: { 'prometheus-enable': 'false' } }))
    const byFlag = (flag: string) => options.find(option => option['flag'] === flag)
    assert.deepEqual(byFlag('prometheus-enable'), {
      annotations: {},
      default: 'true',
      description: 'Serve metrics at `/metrics`.',
      env: 'CODER_PROMETHEUS_ENABLE',
      flag: 'prometheus-enable',
      flag_shorthand: '',
      group: {
        name: 'Prometheus',
        description: 'Metrics.',
        yaml: 'prometheus',
        parent: { name: 'introspection', description: '', yaml: 'introspection' },
      },
      hidden: false,
      name: 'Metrics enabled',
      required: false,
      use_instead: [],
      value: false,
      value_source: 'flag',
      yaml: 'enable',
    })
    assert.equal(byFlag('access-url')?.['value_source'], '')
    assert.equal(byFlag('http-address')?.['value_source'], 'default')
    assert.deepEqual(byFlag('aibridge-proxy-workers')?.['annotations'], { effect: 'none-yet' })
  })
})
