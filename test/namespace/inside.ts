/**
 * Runs in a network namespace of its own, where every address is this machine's:
 * the daemon as a process, the corpus over its socket, and canaries wherever it
 * could be led.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CORPUS } from '../support/ssrf-corpus.ts'
import { startCanaries } from './canaries.ts'
import { groups, judgeGroup } from './judge-corpus.ts'
import { judgeMachine, LISTED, SEARCH } from './judge-machine.ts'
import { startNameServer } from './name-server.ts'
import { startUpstreamProxy } from './upstream-proxy.ts'

const NAME_SERVER = '127.0.0.53'

/** Where attackers want to go: canaries must be seen to stand there. */
const FORBIDDEN =
  '10.0.0.5 172.16.0.1 192.168.0.1 127.0.0.1 169.254.169.254 100.64.0.1 168.63.129.16 0.0.0.0 ' +
  '240.0.0.1 ::1 fd00:ec2::254 fd00::1 64:ff9b::a9fe:a9fe 2002:a00:1::1 2001::a00:1 ::ffff:10.0.0.1'

prepareNetwork()
await provePresence()
await using nameServer = await startNameServer(NAME_SERVER)
nameServer.names.set('upstream.example', [{ A: ['93.184.216.99'] }])
await using upstream = await startUpstreamProxy(3128)

const problems: string[] = []
for (const group of groups()) problems.push(...(await judgeGroup(group, { nameServer, upstream })))
for (const problem of problems) console.log(`FAILED ${problem}`)
const byMachine = await judgeMachine(nameServer)
for (const problem of byMachine) console.log(`FAILED ${problem}`)
console.log(`targets that the machine would complete or lead to us: ${byMachine.length} failed`)
const failed = new Set(problems.map(problem => problem.split(' ')[0])).size
console.log(
  `canaries stood on all addresses; forbidden ones that were reached: ${problems.filter(problem => problem.includes(': reached ')).length}`,
)
console.log(`${CORPUS.entries.length - failed} passed, ${failed} failed`)
process.exitCode = failed + byMachine.length === 0 ? 0 : 1

/** Every address leads here, and names are answered by us alone. */
function prepareNetwork(): void {
  const run = (command: string): void => {
    const [file = '', ...args] = command.split(' ')
    execFileSync(file, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  }
  run('ip link set lo up')
  run('ip route add local 0.0.0.0/0 dev lo')
  run('ip -6 route add local ::/0 dev lo')
  run('ip address add 203.0.114.7/32 dev lo')
  const dir = mkdtempSync(join(tmpdir(), 'aibridge-namespace-'))
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
  const replace = (path: string, text: string): void => {
    const file = join(dir, path.replaceAll('/', '_'))
    writeFileSync(file, text)
    run(`mount --bind ${file} ${path}`)
  }
  replace(
    '/etc/resolv.conf',
    `nameserver ${NAME_SERVER}\nsearch ${SEARCH}\noptions timeout:2 attempts:1 ndots:5\n`,
  )
  replace('/etc/hosts', `127.0.0.1 localhost\n${LISTED}\n`)
}

/** Zero hits mean nothing where nobody would be hit. */
async function provePresence(): Promise<void> {
  await using canaries = await startCanaries([80, 443])
  for (const address of FORBIDDEN.split(' ')) {
    const socket = connect(443, address)
    await once(socket, 'connect')
    const visited = await canaries.visited()
    assert.equal(visited.length, 1, `no canary at ${address}`)
    socket.destroy()
  }
}
