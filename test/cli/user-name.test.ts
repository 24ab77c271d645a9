import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { userName } from '../../src/cli/user-name.ts'

test('the user is the one that the environment names, when a token can carry the name', () => {
  assert.equal(userName({ USER: 'ada' }), 'ada')
  assert.notEqual(userName({ USER: 'a\nb' }), 'a\nb')
})

test('a uid without an account has a name all the same', {
  skip: process.getuid?.() !== 0 && 'needs root to become somebody else',
}, () => {
  const module = new URL('../../src/cli/user-name.ts', import.meta.url).href
  const code = `
      const { userName } = await import('${module}')
      process.setuid(54321)
      console.log(userName({}), userName({ USER: 'ada' }))`
  const text = execFileSync(process.execPath, ['--input-type=module', '-e', code])
  assert.equal(String(text), 'user ada\n')
})
