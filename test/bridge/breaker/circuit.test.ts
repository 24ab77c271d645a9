import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import {
  admit,
  type Circuit,
  type CircuitOptions,
  closedCircuit,
  type Result,
  settle,
} from '../../../src/bridge/breaker/circuit.ts'

const OPTIONS: CircuitOptions = {
  failureThreshold: 3,
  intervalMs: 10_000,
  timeoutMs: 30_000,
  maxRequests: 2,
}

/** A circuit with a clock of its own. */
class Line {
  readonly options: CircuitOptions
  circuit: Circuit = closedCircuit(0)
  now = 0

  constructor(options = OPTIONS) {
    this.options = options
  }

  get state(): Circuit['state'] {
    return this.circuit.state
  }

  /** The epoch of an admitted call; undefined when it was refused. */
  admit(): number | undefined {
    const { circuit, waitMs } = admit(this.circuit, this.now, this.options)
    this.circuit = circuit
    return waitMs === undefined ? circuit.epoch : undefined
  }

  settle(epoch: number, result: Result): void {
    this.circuit = settle(this.circuit, { epoch, result }, this.now, this.options)
  }

  call(result: Result): boolean {
    const epoch = this.admit()
    if (epoch !== undefined) this.settle(epoch, result)
    return epoch !== undefined
  }

  trip(): this {
    while (this.circuit.state === 'closed') this.call('failure')
    return this
  }
}

describe('a circuit', () => {
  it('opens with the last of so many failures in a row', () => {
    const line = new Line()
    line.call('failure')
    line.call('failure')
    assert.equal(line.state, 'closed')
    line.call('failure')
    assert.equal(line.state, 'open')
    assert.equal(line.admit(), undefined)
  })

  it('forgets failures with a success, and when their interval is over', () => {
    const line = new Line()
    for (const result of ['failure', 'failure', 'success', 'failure', 'failure'] as const) {
      line.call(result)
    }
    assert.equal(line.state, 'closed')
    line.now += OPTIONS.intervalMs
    line.call('failure')
    assert.equal(line.state, 'closed')
  })

  it('is neither opened nor kept closed by what says nothing', () => {
    const line = new Line()
    for (let i = 0; i < 10; i += 1) line.call('void')
    assert.equal(line.state, 'closed')
    for (let i = 0; i < 3; i += 1) {
      line.call('failure')
      line.call('void')
    }
    assert.equal(line.state, 'open')
  })

  it('says how long it stays open, and lets no more than the probes in after that', () => {
    const line = new Line().trip()
    line.now += 10_000
    assert.equal(admit(line.circuit, line.now, OPTIONS).waitMs, 20_000)
    line.now += 20_000
    assert.deepEqual(
      [1, 2, 3].map(() => line.admit() !== undefined),
      [true, true, false],
    )
  })

  it('closes when all probes succeed, and opens again when one fails', () => {
    const line = new Line().trip()
    line.now += OPTIONS.timeoutMs
    line.call('success')
    assert.equal(line.state, 'half-open')
    line.call('success')
    assert.equal(line.state, 'closed')
    line.trip()
    line.now += OPTIONS.timeoutMs
    line.call('success')
    line.call('failure')
    assert.equal(line.state, 'open')
  })

  it('gives the place of a probe that said nothing to the next', () => {
    const line = new Line().trip()
    line.now += OPTIONS.timeoutMs
    for (let i = 0; i < 10; i += 1) assert.ok(line.call('void'))
  })

  it('sends new probes when the first do not come back', () => {
    const line = new Line().trip()
    line.now += OPTIONS.timeoutMs
    const lost = line.admit()
    line.admit()
    assert.equal(line.admit(), undefined)
    line.now += OPTIONS.timeoutMs
    assert.ok(line.call('success'))
    assert.ok(lost !== undefined)
    line.settle(lost, 'failure')
    assert.equal(line.state, 'half-open', 'the lost one is too late')
  })

  it('is not moved by calls that began before its last change', () => {
    const line = new Line()
    const old = line.admit()
    assert.ok(old !== undefined)
    line.trip()
    line.now += OPTIONS.timeoutMs
    line.call('success')
    line.settle(old, 'failure')
    assert.equal(line.state, 'half-open')
  })

  const step = fc.oneof(
    fc.record({ do: fc.constant('admit' as const) }),
    fc.record({
      do: fc.constant('settle' as const),
      result: fc.constantFrom<Result>('success', 'failure', 'void'),
    }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.nat(40_000) }),
  )
  const options = fc.record({
    failureThreshold: fc.integer({ min: 1, max: 5 }),
    intervalMs: fc.integer({ min: 1, max: 20_000 }),
    timeoutMs: fc.integer({ min: 1, max: 40_000 }),
    maxRequests: fc.integer({ min: 1, max: 4 }),
  })

  it('never has more probes out than allowed, never opens early, never sticks', () => {
    fc.assert(
      fc.property(options, fc.array(step, { maxLength: 80 }), (chosen, steps) => {
        const line = new Line(chosen)
        const out: number[] = []
        let failures = 0
        for (const next of steps) {
          const before = line.state
          if (next.do === 'wait') line.now += next.ms
          else if (next.do === 'admit') {
            const epoch = line.admit()
            if (epoch !== undefined) out.push(epoch)
          } else {
            const epoch = out.shift()
            if (epoch === undefined) continue
            if (next.result === 'failure') failures += 1
            line.settle(epoch, next.result)
          }
          if (before === 'closed' && line.state === 'open') {
            assert.ok(failures >= chosen.failureThreshold)
          }
          if (before !== line.state) failures = 0
          if (line.circuit.state !== 'half-open') continue
          const { epoch, succeeded } = line.circuit
          const probes = out.filter(one => one === epoch).length
          assert.ok(probes + succeeded <= chosen.maxRequests)
        }
        line.now += chosen.timeoutMs
        assert.ok(line.admit() !== undefined, 'after the open time somebody gets in')
      }),
    )
  })
})
