import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

const source = (path: string): string => new URL(`../../src/${path}`, import.meta.url).href

for (const fault of ['setImmediate(() => { throw fault })', 'Promise.reject(fault)']) {
  test(`after ${fault} there is one fatal line, and exit code 1`, () => {
    const code = `
      import { keepLastWords } from '${source('cli/last-words.ts')}'
      import { createLog } from '${source('observe/log.ts')}'
      keepLastWords(createLog({ level: 'info', queueBytes: 2 ** 23 }))
      const fault = new Error('boom')
      ${fault}
      setInterval(() => {}, 1000)`
    const ended = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      encoding: 'utf8',
      timeout: 10_000,
    })
    assert.equal(ended.status, 1)
    const [line = '', ...others] = ended.stdout.trimEnd().split('\n')
    assert.deepEqual(others, [])
    const { level, msg, problem } = JSON.parse(line)
    assert.deepEqual(
      { level, msg, problem },
      { level: 'fatal', msg: 'internal fault', problem: 'boom' },
    )
  })
}
