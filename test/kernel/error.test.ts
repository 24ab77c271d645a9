import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeError } from '../../src/kernel/error.ts'

const lookup = (): Error =>
  Object.assign(new Error('getaddrinfo ENOTFOUND a.example'), { code: 'ENOTFOUND' })

for (const [name, error, text] of [
  ['a code that the message has', lookup(), 'getaddrinfo ENOTFOUND a.example'],
  ['a code that it has not', Object.assign(new Error('out'), { code: 'EIO' }), 'out (EIO)'],
  [
    'a cause that is repeated',
    new Error('no name: getaddrinfo ENOTFOUND a.example', { cause: lookup() }),
    'no name: getaddrinfo ENOTFOUND a.example',
  ],
  ['a cause that says more', new Error('no', { cause: new Error('why') }), 'no: why'],
  [
    'several errors',
    new AggregateError([new Error('one'), new Error('two')], 'both'),
    'both: one; two',
  ],
  ['what is no error', 'text', 'text'],
] as const) {
  test(`an error is described once: ${name}`, () => assert.equal(describeError(error), text))
}
