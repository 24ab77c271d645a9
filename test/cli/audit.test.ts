import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { runAudit } from '../../src/cli/audit.ts'
import { LineMaker } from '../../src/record/log-chain.ts'
import { temporaryDirectory } from '../record/support.ts'
import { captured } from '../support/command-line.ts'

const maker = new LineMaker('chain-1')
const LINES = [1, 2, 3, 4].map(n => maker.line({ record_type: 'gap', calls: n }, Date.now()))

async function audit(args: string[], stdin = '') {
  return await captured(io => runAudit(args, { ...io, stdin: Readable.from([stdin]) }))
}

test('a whole chain over several files is 0', async t => {
  const directory = temporaryDirectory(t)
  const files = [LINES.slice(0, 2), LINES.slice(2)].map((lines, index) => {
    const file = join(directory, `log.${index}`)
    writeFileSync(file, `{"msg":"ready"}\n${lines.join('\n')}\n`)
    return file
  })
  assert.deepEqual(await audit(['verify', ...files]), {
    code: 0,
    stdout: '4 lines in 1 chain: whole\n',
    stderr: '',
  })
})

test('a broken chain is 1 and says where', async () => {
  const { code, stdout, stderr } = await audit(['verify', '-'], LINES.toSpliced(1, 1).join('\n'))
  assert.equal(code, 1)
  assert.equal(stdout, '3 lines in 1 chain: broken\n')
  assert.equal(stderr, 'line 2: 1 before it are missing\n')
})

test('lines without a chain prove nothing', async () => {
  const { code, stderr } = await audit(['verify', '-'], '{"msg":"interception log"}\n')
  assert.equal(code, 1)
  assert.match(stderr, /no line belongs to a chain/)
})

test('a file that cannot be read is 1, and wrong usage is 2', async () => {
  assert.equal((await audit(['verify', '/nonexistent/log'])).code, 1)
  assert.equal((await audit(['verify'])).code, 2)
  assert.equal((await audit(['chant', 'x'])).code, 2)
})
