import { ToolServers } from '../bridge/tools/tool-servers.ts'
import { createOriginAgent } from '../egress/agents.ts'
import { createOriginDial, type OriginDialDeps } from '../egress/origin-dial.ts'
import { createOriginFetch } from '../egress/origin-fetch.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Limits } from '../kernel/limits.ts'
import type { ToolServer } from '../kernel/tool-server.ts'

interface ToolServerDeps {
  readonly dial: OriginDialDeps
  /** PEM; what a server has of its own is added. */
  readonly roots: readonly string[]
  readonly limits: Limits
  readonly clock: Clock
  readonly version: string
  readonly warn: (problem: string, message: string) => void
}

/** The servers of a snapshot, each reached over connections of its own. */
export function createToolServers(
  servers: readonly ToolServer[],
  { dial, roots, limits, clock, version, warn }: ToolServerDeps,
): ToolServers | undefined {
  if (servers.length === 0) return undefined
  return new ToolServers(
    servers.map(server => {
      const trusted = server.caPem === undefined ? roots : [...roots, server.caPem]
      const agent = createOriginAgent(createOriginDial(server.origin, trusted, dial))
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
