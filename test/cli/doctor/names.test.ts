import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gatherNames, judgeNames, type NameFacts } from '../../../src/cli/doctor/names.ts'
import { load } from '../../config/loading.ts'

const lookup = async (name: string) => {
  if (name.startsWith('api.openai')) throw Object.assign(new Error('none'), { code: 'ENOTFOUND' })
  return [{ address: '192.0.2.1', family: 4 }]
}
const namesOf = async (env: Readonly<Record<string, string>>): Promise<string[]> =>
  (await gatherNames(load({ env }).settings, lookup)).map(({ name }) => name)

describe('the names that this machine resolves', () => {
  it('are those of the providers, each with what became of it', async () => {
    const facts = await gatherNames(load().settings, lookup)
    assert.deepEqual(
      facts.map(({ name, error }) => [name, error?.split(':')[0]]),
      [
        ['api.anthropic.com', undefined],
        ['api.openai.com', 'dns_not_found'],
        ['api.individual.githubcopilot.com', undefined],
      ],
    )
  })

  it("are the upstream proxy's alone where there is one", async () => {
    const env = { CODER_AIBRIDGE_PROXY_UPSTREAM: 'http://proxy.corp.example:3128' }
    assert.deepEqual(await namesOf(env), ['proxy.corp.example'])
  })

  it("are the deployment's in remote mode", async () => {
    const env = { CODER_AIBRIDGE_ENABLED: 'false', CODER_ACCESS_URL: 'https://coder.example' }
    assert.deepEqual(await namesOf(env), ['coder.example'])
    const local = { ...env, CODER_ACCESS_URL: 'http://127.0.0.1:8889' }
    assert.deepEqual(await namesOf(local), [])
  })

  const fact = { name: 'a.example', durationMs: 3, error: undefined }
  const cases: readonly (readonly [facts: readonly NameFacts[], states: readonly string[]])[] = [
    [[], []],
    [[fact, fact], ['ok']],
    [[fact, { ...fact, durationMs: 1000 }], ['warning']],
    [
      [
        { ...fact, durationMs: 5000 },
        { ...fact, error: 'dns_timeout' },
      ],
      ['failed'],
    ],
  ]
  for (const [facts, states] of cases) {
    it(`are judged ${states.join() || 'not at all'} for ${JSON.stringify(facts)}`, () => {
      assert.deepEqual(
        judgeNames(facts).map(({ state }) => state),
        states,
      )
    })
  }
})
