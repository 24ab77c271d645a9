import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { load, parsePrices, problemsOf, withPrices } from './loading.ts'

const MISSING = [
  'prices.yaml:2 prices[0]: needs one of provider (a name) and type, and only one',
  'prices.yaml:2 prices[0]: needs model, an id or its beginning and a *',
  'prices.yaml:2 prices[0]: needs input, dollars for a million tokens',
  'prices.yaml:2 prices[0]: needs output, dollars for a million tokens',
]
const ROW = '{ type: anthropic, model: claude-x, input: "1", output: "2" }'

describe('a prices file', () => {
  it('is read with everything that a row may have', () => {
    const [row, ...others] = parsePrices(`
prices:
  - type: anthropic
    model: claude-x
    from: 2026-11-01
    input: "3"
    output: 15.50
    cache_read: "0.30"
    cache_write_5m: "3.75"
    cache_write_1h: "6"
    web_search: "10"
    tiers: { priority: "2", flex: 0.5 }
    long_prompt:
      above: 200000
      input: "6"
      output: "22.5"
`)
    assert.deepEqual(others, [])
    assert.deepEqual(row, {
      of: 'type',
      provider: 'anthropic',
      model: 'claude-x',
      from: Date.UTC(2026, 10, 1),
      rates: {
        input: 3_000_000_000,
        output: 15_500_000_000,
        cacheRead: 300_000_000,
        cacheWrite5m: 3_750_000_000,
        cacheWrite1h: 6_000_000_000,
      },
      longPrompt: {
        above: 200_000,
        rates: {
          input: 6_000_000_000,
          output: 22_500_000_000,
          cacheRead: null,
          cacheWrite5m: null,
          cacheWrite1h: null,
        },
      },
      tiers: { priority: 2000, flex: 500 },
      webSearch: 10_000_000_000,
    })
  })

  it('may be JSON', () => {
    const [row] = parsePrices(
      '{"prices":[{"provider":"anthropic","model":"x*","input":0.10,"output":"1"}]}',
    )
    assert.equal(row?.of, 'name')
    assert.equal(row?.rates.input, 100_000_000)
  })

  it('may be empty, and may be absent', () => {
    assert.deepEqual(parsePrices(''), [])
    assert.deepEqual(load().settings.bridge.prices, [])
  })

  const wrong: readonly (readonly [text: string, ...problems: string[]])[] = [
    ['prices: [', 'prices.yaml:1: not YAML (BAD_INDENT)'],
    ['prices: 3', 'prices.yaml:1 prices: needs a sequence of prices'],
    ['prices: []\nprice: []', 'prices.yaml:2 price: unknown key: did you mean prices?'],
    ['prices:\n- 3', 'prices.yaml:2 prices[0]: needs a mapping', ...MISSING],
    [
      'prices:\n- {type: openai, model: m, inptu: 1, input: 1, output: 1}',
      'prices.yaml:2 prices[0].inptu: unknown key: did you mean input?',
    ],
    [
      'prices:\n- {type: openai, model: m, output: 1}',
      'prices.yaml:2 prices[0]: needs input, dollars for a million tokens',
    ],
    [
      'prices:\n- type: openai\n  model: m\n  input: -1\n  output: 1e3',
      'prices.yaml:4 prices[0].input: "-1" is not an amount: use dollars like 20 or 0.50, up to 9000000',
      'prices.yaml:5 prices[0].output: "1e3" is not an amount: use dollars like 20 or 0.50, up to 9000000',
    ],
    [
      'prices:\n- {type: openai, model: m, from: 2026-02-30, input: 1, output: 1}',
      'prices.yaml:2 prices[0].from: "2026-02-30" is not a day: write it as in 2026-11-01',
    ],
    [
      'prices:\n- {model: m, input: 1, output: 1}',
      'prices.yaml:2 prices[0]: needs one of provider (a name) and type, and only one',
    ],
    [
      'prices:\n- {provider: a, type: openai, model: m, input: 1, output: 1}',
      'prices.yaml:2 prices[0]: needs one of provider (a name) and type, and only one',
    ],
    [
      'prices:\n- {type: openai, model: "g*t", input: 1, output: 1}',
      'prices.yaml:2 prices[0].model: "g*t" is not a model: a * may only be at the end of its beginning',
    ],
    [
      'prices:\n- {type: openai, model: m, input: 1, output: 1, long_prompt: {input: 1, output: 1}}',
      'prices.yaml:2 prices[0].long_prompt: needs above, a number of tokens',
    ],
    [
      'prices:\n- {type: openai, model: m, input: 1, output: 1, tiers: {flex: half}}',
      'prices.yaml:2 prices[0].tiers.flex: "half" is not a factor: use a number like 2 or 0.5',
    ],
    [
      `prices:\n- ${ROW}\n- ${ROW}`,
      'prices.yaml:3 prices[1]: a price of this model and day is there already: remove one',
    ],
  ]
  for (const [text, ...problems] of wrong) {
    it(`is refused for ${JSON.stringify(text)}`, () => {
      assert.deepEqual(problemsOf(withPrices(text)), problems)
    })
  }

  it('is refused when it is not there', () => {
    assert.deepEqual(problemsOf({ env: { CODER_AIBRIDGE_PRICES_FILE: '/nowhere' } }), [
      'CODER_AIBRIDGE_PRICES_FILE: cannot read "/nowhere" (ENOENT): check the path and its mode',
    ])
  })

  it('warns of a row that no provider uses', () => {
    const text = 'prices:\n  - { provider: gone, model: m, input: "1", output: "1" }'
    assert.deepEqual(load(withPrices(text)).warnings, [
      'prices.yaml: no provider has the name "gone": its prices are not used',
    ])
  })
})
