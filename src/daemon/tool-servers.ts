import { ToolServers } from '../bridge/tools/tool-servers.ts'
import { createOriginAgent } from '../egress/agents.ts'
import { createOriginDial } from '../egress/origin-dial.ts'
import { createOriginFetch } from '../egress/origin-fetch.ts'
import type { Clock } from '../kernel/clock.ts'
import type { ToolServer } from '../kernel/tool-server.ts'
import type { OriginDeps } from './providers.ts'

interface ToolServerDeps extends OriginDeps {
  readonly clock: Clock
  readonly version: string
  readonly warn: (problem: string, message: string) => void
}

/** The servers of a snapshot, each reached over connections of its own. */
export function createToolServers(
  servers: readonly ToolServer[],
  { dial, rootsWith, limits, clock, version, warn }: ToolServerDeps,
): ToolServers | undefined {
  if (servers.length === 0) return undefined
  return new ToolServers(
    servers.map(server => {
      const roots = rootsWith(server.caPem)
      const agent = createOriginAgent(createOriginDial(server.origin, roots, dial))
      return {
        server,
        clock,
        version,
        fetch: createOriginFetch({
          origin: server.origin,
          agent,
          bearer: server.token,
          firstByteTimeoutMs: server.timeoutMs,
          idleTimeoutMs: limits.streamIdleTimeoutMs,
        }),
        close: () => agent.destroy(),
        onProblem: problem => warn(problem, `the MCP server ${server.name} cannot be used`),
      }
    }),
  )
}
