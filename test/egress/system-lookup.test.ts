import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { createHostsFile } from '../../src/egress/hosts-file.ts'
import { createAbsoluteLookup } from '../../src/egress/system-lookup.ts'

it('A26 asks for names of clients as whole names, unless the hosts file has them', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'aibridge-hosts-'))
  const file = join(dir, 'hosts')
  const asked: string[] = []
  const lookup = createAbsoluteLookup(name => {
    asked.push(name)
    return Promise.resolve([])
  }, createHostsFile(file))
  const ask = async (...names: string[]): Promise<string[]> => {
    asked.length = 0
    for (const name of names) await lookup(name)
    return [...asked]
  }

  assert.deepEqual(await ask('db.prod'), ['db.prod.'], 'there is no such file')
  writeFileSync(file, '10.0.0.1\tDB.prod  alias.prod # gone.prod\r\n# 10.0.0.2 other.prod\n')
  assert.deepEqual(await ask('db.prod', 'alias.prod'), ['db.prod', 'alias.prod'])
  const others = ['gone.prod', 'other.prod', '10.0.0.1', 'b.prod', 'prod']
  assert.deepEqual(
    await ask(...others),
    others.map(name => `${name}.`),
  )
  writeFileSync(file, '10.0.0.2 other.prod\n')
  assert.deepEqual(await ask('db.prod', 'other.prod'), ['db.prod.', 'other.prod'])
  rmSync(dir, { recursive: true })
})
