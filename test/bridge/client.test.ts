import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { detectClient } from '../../src/bridge/client.ts'

/** User agents as the clients send them. */
const AGENTS: readonly (readonly [userAgent: string, client: string])[] = [
  ['claude-cli/2.1.330 (external, sdk-cli)', 'Claude Code'],
  ['claude-code/2.1.330', 'Claude Code'],
  ['codex_exec/0.169.0 (Debian 12.0.0; x86_64) dumb (codex_exec; 0.169.0)', 'Codex'],
  ['copilot/1.0.102 (linux v24.20.0) term/unknown client/github/cli', 'GitHub Copilot (CLI)'],
  ['copilot-cli/1.0.102', 'GitHub Copilot (CLI)'],
  ['GitHubCopilotCLI', 'GitHub Copilot (CLI)'],
  ['GitHubCopilotChat/0.40.0', 'GitHub Copilot (VS Code)'],
  ['opencode/1.18.33 ai-sdk/provider-utils/4.0.46 runtime/bun/1.3.14', 'OpenCode'],
  ['Mux/1.0', 'Mux'],
  ['Zed/0.200', 'Zed'],
  ['Kilo-Code/5.1', 'Kilo Code'],
  ['Roo-Code/3.2', 'Roo Code'],
  ['coder-agents/2.30', 'Coder Agents'],
  ['Charm Crush/0.9', 'Charm Crush'],
  ['charm-crush/0.20', 'Charm Crush'],
  ['Anthropic/JS 1.12.0', 'Unknown'],
  ['QwenCode/0.24.4 (linux; x64)', 'Unknown'],
  ['not-claude/1', 'Unknown'],
  ['copilot', 'Unknown'],
  ['', 'Unknown'],
]

describe('detectClient', () => {
  for (const [userAgent, client] of AGENTS) {
    it(`takes ${JSON.stringify(userAgent)} for ${client}`, () => {
      assert.equal(detectClient(['User-Agent', userAgent]), client)
    })
  }

  it('goes by the originator where the user agent says nothing', () => {
    assert.equal(detectClient(['originator', 'Kilo-Code']), 'Kilo Code')
    assert.equal(detectClient(['User-Agent', 'node', 'originator', 'roo-code']), 'Roo Code')
    assert.equal(detectClient(['originator', 'toString']), 'Unknown')
  })

  it('knows Cursor by its version header, whatever that says', () => {
    assert.equal(detectClient(['X-Cursor-Client-Version', '3.1']), 'Cursor')
    assert.equal(
      detectClient(['User-Agent', 'claude', 'x-cursor-client-version', '1']),
      'Claude Code',
    )
  })

  it('calls a client without any of these headers unknown', () => {
    assert.equal(detectClient([]), 'Unknown')
  })
})
