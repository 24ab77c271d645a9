import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { firewallCorrelation, sessionId } from '../../../src/bridge/usage/session.ts'

describe('sessionId', () => {
  const rows = [
    ['Mux', ['X-Mux-Workspace-Id', 'w'], 'b', 'w'],
    ['Claude Code', ['X-Claude-Code-Session-Id', ' s '], 'b', 's'],
    ['Claude Code', ['X-Claude-Code-Session-Id', '  '], 'b', 'b'],
    ['Claude Code', [], null, null],
    ['Codex', ['session_id', 'c'], 'b', 'c'],
    ['Codex', ['X-Claude-Code-Session-Id', 's'], 'b', null],
    ['GitHub Copilot (VS Code)', ['x-interaction-id', 'i'], null, 'i'],
    ['GitHub Copilot (CLI)', ['X-Client-Session-Id', 'k'], null, 'k'],
    ['Kilo Code', ['X-KILOCODE-TASKID', 't'], null, 't'],
    ['Coder Agents', ['X-Coder-Chat-Id', 'h'], null, 'h'],
    ['OpenCode', ['x-session-affinity', 'a', 'X-OpenCode-Session', 'o'], null, 'o'],
    ['OpenCode', ['x-session-affinity', 'a', 'X-OpenCode-Session', ''], null, 'a'],
    ['Zed', ['session_id', 'z'], 'b', null],
    ['Unknown', ['session_id', 'z'], 'b', null],
    ['constructor', ['session_id', 'z'], null, null],
  ] as const
  for (const [client, headers, body, expected] of rows) {
    it(`is ${expected} for ${client} with ${headers.join(': ') || 'no header'} and ${body}`, () => {
      assert.equal(sessionId(client, headers, body), expected)
    })
  }

  it('bounds what a client can write into every row', () => {
    assert.equal(sessionId('Codex', ['session_id', 'x'.repeat(9999)], null)?.length, 256)
  })
})

describe('firewallCorrelation', () => {
  const session = ['X-Coder-Agent-Firewall-Session-Id', 'f-1']
  const sequence = 'X-Coder-Agent-Firewall-Sequence-Number'

  it('reads session and sequence', () => {
    assert.deepEqual(firewallCorrelation([...session, sequence, '42']), {
      sessionId: 'f-1',
      sequence: 42,
    })
  })

  it('leaves out a sequence that is no number', () => {
    for (const text of ['', '-1', '1e3', 'x', '9'.repeat(30)]) {
      assert.equal(firewallCorrelation([...session, sequence, text])?.sequence, null)
    }
  })

  it('is nothing without exactly one session', () => {
    assert.equal(firewallCorrelation([sequence, '42']), null)
    assert.equal(firewallCorrelation([...session, ...session]), null)
  })
})
