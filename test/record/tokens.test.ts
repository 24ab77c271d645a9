import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { isTokenShaped } from '../../src/kernel/token.ts'
import { databaseFile, openDatabase } from '../../src/record/database.ts'
import { hashToken } from '../../src/record/tokens.ts'
import {
  activeTokens,
  createToken,
  HOUR,
  listTokens,
  revokeToken,
  temporaryDirectory,
} from './support.ts'

const NOW = Date.UTC(2026, 10, 21)
const wanted = { user: 'ada', name: '', admin: false, createdAt: NOW, expiresAt: undefined }

test('a token survives in the userinfo of a URL without escaping', t => {
  using database = openDatabase(temporaryDirectory(t))
  for (let i = 0; i < 50; i += 1) {
    const token = createToken(database, wanted).token.reveal()
    assert.ok(isTokenShaped(token))
    assert.equal(new URL(`http://user:${token}@127.0.0.1:8888`).password, token)
    assert.equal(encodeURIComponent(token), token)
  }
})

test('only the shape of our tokens is taken for one', () => {
  const good = `aibp_${'A'.repeat(43)}`
  assert.ok(isTokenShaped(good))
  for (const bad of ['', 'sk-ant-123', `${good}A`, good.slice(0, -1), `${good}\n`, ` ${good}`]) {
    assert.equal(isTokenShaped(bad), false, JSON.stringify(bad))
  }
})

test('the database holds the hash and the last four characters, never the token', t => {
  const directory = temporaryDirectory(t)
  using database = openDatabase(directory)
  const { token, id } = createToken(database, { ...wanted, name: 'laptop' })
  const [row] = listTokens(database)
  assert.deepEqual(row, {
    ...wanted,
    id,
    name: 'laptop',
    hint: token.reveal().slice(-4),
    revokedAt: undefined,
  })
  const file = databaseFile(directory)
  const bytes = Buffer.concat([readFileSync(file), readFileSync(`${file}-wal`)])
  assert.ok(bytes.includes(hashToken(token.reveal())))
  assert.equal(bytes.includes(token.reveal().slice(5, -4)), false)
})

test('active are the tokens that are neither revoked nor expired', t => {
  using database = openDatabase(temporaryDirectory(t))
  const lasting = createToken(database, { ...wanted, admin: true })
  const short = createToken(database, { ...wanted, user: 'bob', expiresAt: NOW + HOUR })
  const revoked = createToken(database, wanted)
  assert.equal(revokeToken(database, revoked.id, NOW), true)

  assert.deepEqual(
    activeTokens(database, NOW + HOUR - 1).map(token => token.identity),
    [
      { user: 'ada', tokenId: lasting.id, admin: true },
      { user: 'bob', tokenId: short.id, admin: false },
    ],
  )
  const [only, ...others] = activeTokens(database, NOW + HOUR)
  assert.deepEqual(only?.hash, hashToken(lasting.token.reveal()))
  assert.deepEqual(others, [])
})

test('revoking twice keeps the first time, and revoking the unknown says so', t => {
  using database = openDatabase(temporaryDirectory(t))
  const { id } = createToken(database, wanted)
  assert.equal(revokeToken(database, id, NOW), true)
  assert.equal(revokeToken(database, id, NOW + HOUR), true)
  assert.equal(listTokens(database)[0]?.revokedAt, NOW)
  assert.equal(revokeToken(database, 'nobody', NOW), false)
})
