import assert from 'node:assert/strict'
import { it } from 'node:test'
import * as fc from 'fast-check'
import { BUILT_IN_PRICES } from '../../../src/bridge/prices/built-in.ts'
import { costOf } from '../../../src/bridge/prices/cost.ts'
import { findPrice } from '../../../src/bridge/prices/find-price.ts'
import { formatDollars, parseDollars } from '../../../src/kernel/money.ts'
import type { TokenUsage } from '../../../src/kernel/usage.ts'

const count = fc.integer({ min: 0, max: 20_000 })

/** A usage that every row of the list has a price for, and that stays below every tier. */
const usages = fc.record({ input: count, output: count, short: count, long: count }).map(
  ({ input, output, short, long }): TokenUsage => ({
    input,
    output,
    cacheRead: input,
    cacheWrite: short + long,
    extra: { cache_ephemeral_5m_input: short, cache_ephemeral_1h_input: long },
  }),
)

const prices = fc.constantFrom(
  ...BUILT_IN_PRICES.filter(({ rates }) => rates.cacheWrite1h !== null),
)

function sum(a: TokenUsage, b: TokenUsage): TokenUsage {
  const plus = (x: number | null, y: number | null): number => (x ?? 0) + (y ?? 0)
  return {
    input: plus(a.input, b.input),
    output: plus(a.output, b.output),
    cacheRead: plus(a.cacheRead, b.cacheRead),
    cacheWrite: plus(a.cacheWrite, b.cacheWrite),
    extra: Object.fromEntries(
      Object.keys(a.extra).map(name => [name, plus(a.extra[name] ?? 0, b.extra[name] ?? 0)]),
    ),
  }
}

function cost(price: Parameters<typeof costOf>[0], usage: TokenUsage): number {
  const found = costOf(price, usage)
  assert.ok(found !== null && Number.isSafeInteger(found))
  return found
}

it('costs as much in one answer as in two, without a tier', () => {
  fc.assert(
    fc.property(prices, usages, usages, (price, a, b) => {
      const flat = { ...price, longPrompt: null }
      assert.equal(cost(flat, sum(a, b)), cost(flat, a) + cost(flat, b))
    }),
  )
})

it('never costs less for more tokens, beyond a tier or not', () => {
  const many = fc.integer({ min: 0, max: 300_000 })
  fc.assert(
    fc.property(prices, usages, usages, many, (price, a, b, input) => {
      const less = { ...a, input }
      assert.ok(cost(price, sum(less, b)) >= cost(price, less))
    }),
  )
})

it('is off by no more than a nano-dollar for two answers, however fine the prices', () => {
  const price = fc.integer({ min: 0, max: 9_999_999_999 })
  fc.assert(
    fc.property(price, price, usages, usages, (input, output, a, b) => {
      const fine = {
        ...(BUILT_IN_PRICES[0] ?? assert.fail()),
        rates: { input, output, cacheRead: 1, cacheWrite5m: 1, cacheWrite1h: 1 },
      }
      const apart = cost(fine, a) + cost(fine, b)
      assert.ok(Math.abs(cost(fine, sum(a, b)) - apart) <= 1)
    }),
  )
})

it('reads and writes dollars without losing a digit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), amount => {
      fc.pre(amount <= 9_000_000 * 1e9)
      assert.equal(parseDollars(formatDollars(amount)), amount)
    }),
  )
})

it('has sound built-in rows: one for each model and date, none dearer to read than to send', () => {
  const places = BUILT_IN_PRICES.map(({ provider, model, from }) => `${provider} ${model} ${from}`)
  assert.equal(new Set(places).size, places.length)
  for (const { provider, model, from, rates, longPrompt, tiers } of BUILT_IN_PRICES) {
    assert.ok(Number.isSafeInteger(from))
    for (const { input, output, cacheRead, cacheWrite5m, cacheWrite1h } of [
      rates,
      longPrompt?.rates ?? rates,
    ]) {
      assert.ok(input > 0 && output > input, model)
      assert.ok((cacheRead ?? 0) < input, model)
      assert.ok((cacheWrite5m ?? input) >= input, model)
      assert.ok((cacheWrite1h ?? Infinity) > (cacheWrite5m ?? 0), model)
    }
    assert.ok((longPrompt?.rates.input ?? Infinity) > rates.input, model)
    assert.ok(
      Object.values(tiers).every(one => one > 0 && one !== 1000),
      model,
    )
    const found = findPrice([], { provider, providerType: provider, model, at: from })
    assert.equal(found?.model, model)
  }
})
