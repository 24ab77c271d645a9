import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { Secret } from '../../src/kernel/secret.ts'
import { createLog } from '../../src/observe/log.ts'
import { logToFile } from './support.ts'

test('a line is JSON with a level name, an RFC 3339 time and the fields', async t => {
  const log = logToFile(t)
  log.logger.warn({ reason: 'private', target: undefined }, 'request refused')
  const [line, ...others] = await log.lines()
  assert.deepEqual(others, [])
  const { time, ...rest } = line ?? {}
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  assert.deepEqual(rest, { level: 'warn', reason: 'private', msg: 'request refused' })
})

test('lines below the level are not written', async t => {
  const log = logToFile(t, { level: 'warn' })
  log.logger.info('no')
  log.logger.error('yes')
  assert.deepEqual(
    (await log.lines()).map(line => line['msg']),
    ['yes'],
  )
})

test('a secret is masked wherever it stands', async t => {
  const log = logToFile(t)
  const secret = new Secret('canary-4711')
  log.logger.info(
    { secret, deep: { list: [secret] }, err: new Error(`key ${String(secret)}`) },
    'x',
  )
  const text = await log.text()
  assert.equal(text.includes('canary'), false)
  assert.equal(text.match(/\[secret\]/g)?.length, 4)
})

test('no text of a client can begin a new line or steer a terminal', async t => {
  const log = logToFile(t)
  const hostile = 'a\nb\r\u2028c\u2029d\u0085e\u009b31mf\u001b[0mg\u202eh"\\\u0000é'
  log.logger.info({ path: hostile }, 'x')
  const text = await log.text()
  assert.match(text, /^[\x20-\x7eé]+\n$/)
  const [line] = await log.lines()
  assert.equal(line?.['path'], hostile)
})

test('lines beyond the queue are dropped and counted while nobody reads', async () => {
  const code = `
    import { createLog } from '${new URL('../../src/observe/log.ts', import.meta.url).href}'
    const log = createLog({ level: 'info', queueBytes: 100_000 })
    for (let i = 0; i < 3000; i += 1) log.logger.info({ i, fill: 'x'.repeat(1000) }, 'flood')
    process.stderr.write(log.drops() + '\\n')
    await log.flush()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code])
  let count = 0
  const drops = once(createInterface(child.stderr), 'line')
  const [dropped] = await drops
  const lines = createInterface(child.stdout)
  lines.on('line', line => {
    assert.equal(JSON.parse(line).msg, 'flood')
    count += 1
  })
  const [code0] = await once(child, 'close')
  assert.equal(code0, 0)
  assert.ok(Number(dropped) > 2000, `dropped ${dropped}`)
  assert.equal(count, 3000 - Number(dropped))
})

test('a reader that has gone does not end the process', async () => {
  const code = `
    import { createLog } from '${new URL('../../src/observe/log.ts', import.meta.url).href}'
    const log = createLog({ level: 'info', queueBytes: 2 ** 23 })
    process.stdin.once('data', async () => {
      for (let i = 0; i < 20; i += 1) {
        log.logger.info({ fill: 'x'.repeat(70_000) }, 'lost')
        await new Promise(resolve => setImmediate(resolve))
      }
      process.stderr.write('alive\\n')
      process.exit(0)
    })
    process.stderr.write('ready\\n')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code])
  const stderr = createInterface(child.stderr)
  await once(stderr, 'line')
  child.stdout.destroy()
  child.stdin.write('go')
  const [line] = await once(stderr, 'line')
  assert.equal(line, 'alive')
  const [status] = await once(child, 'close')
  assert.equal(status, 0)
})

test('a full disk is counted, and ends neither the process nor keeps it from ending', async t => {
  const fd = openSync('/dev/full', 'w')
  t.after(() => closeSync(fd))
  const log = createLog({ level: 'info', queueBytes: 2 ** 23, fd })
  log.logger.info('lost')
  await log.flush()
  assert.equal(log.drops(), 1)
  log.logger.info('lost')
  log.flushSync()
})

test('a pipe that nobody reads keeps the process for a second at most', async t => {
  const code = `
    import { createLog } from '${new URL('../../src/observe/log.ts', import.meta.url).href}'
    const log = createLog({ level: 'info', queueBytes: 2 ** 23 })
    for (let i = 0; i < 300; i += 1) log.logger.info({ fill: 'x'.repeat(1000) }, 'lost')
    await log.flush()
    log.flushSync()`
  // Node gives its children sockets; the pipe is the shell's.
  const script = '{ "$NODE" --input-type=module -e "$CODE"; echo "ended $?" >&2; } | sleep 15'
  const child = spawn('sh', ['-c', script], {
    env: { ...process.env, NODE: process.execPath, CODE: code },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  t.after(() => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'))
  const started = performance.now()
  assert.deepEqual(await once(createInterface(child.stderr), 'line'), ['ended 0'])
  assert.ok(performance.now() - started < 10_000)
})

test('a flush in an exit handler writes what is waiting', async () => {
  const code = `
    import { createLog } from '${new URL('../../src/observe/log.ts', import.meta.url).href}'
    const log = createLog({ level: 'info', queueBytes: 2 ** 23 })
    process.on('exit', () => log.flushSync())
    process.on('uncaughtException', error => {
      log.logger.fatal({ err: error }, 'fatal')
      process.exit(1)
    })
    throw new Error('boom')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code])
  const [line] = await once(createInterface(child.stdout), 'line')
  assert.equal(JSON.parse(line).err.message, 'boom')
  await once(child, 'close')
})
