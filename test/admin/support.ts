import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import type { Admin } from '../../src/admin/admin.ts'
import { createAdmin } from '../../src/admin/admin.ts'
import type { AdminDeps } from '../../src/admin/deps.ts'
import type { Route } from '../../src/admin/route.ts'
import type { Identity } from '../../src/kernel/flow.ts'

export const USER = 'aibp_user-token'
export const ADMIN = 'aibp_admin-token'

const IDENTITIES = new Map<string, Identity>([
  [USER, { user: 'ada', tokenId: 't1', admin: false }],
  [ADMIN, { user: 'root', tokenId: 't2', admin: true }],
])

export interface Running {
  readonly admin: Admin
  readonly port: number
  readonly host: string
  readonly errors: unknown[]
  /** A request of fetch's, to a path. */
  readonly get: (path: string, init?: RequestInit) => Promise<Response>
  /** Bytes as they are; everything that comes back until the server closes. */
  readonly raw: (text: string) => Promise<string>
}

export interface StartOptions extends Partial<AdminDeps> {
  readonly host?: string
  readonly routes?: readonly Route[]
}

export async function startAdmin(t: TestContext, options: StartOptions = {}): Promise<Running> {
  const { host = '127.0.0.1', routes, ...deps } = options
  const errors: unknown[] = []
  const admin = createAdmin(
    {
      authenticate: async token => {
        const identity = IDENTITIES.get(token)
        return identity && { identity, isValid: () => true }
      },
      onBadToken: async () => {},
      readiness: () => [{ name: 'config', ok: true }],
      metrics: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'up 1\n' }),
      caCertificate: () => undefined,
      deploymentConfig: () => ({ config: {}, options: [] }),
      version: '1.2.3',
      deploymentId: 'b5a1c7de-0000-4000-8000-000000000000',
      limits: { headBytes: 16_384, headCount: 100, headTimeoutMs: 10_000 },
      strangers: { arrive: () => {} },
      onError: error => errors.push(error),
      ...deps,
    },
    routes,
  )
  t.after(() => admin[Symbol.asyncDispose]())
  const { address } = await admin.listen({ host, port: 0 })
  const { port } = address
  return {
    admin,
    port,
    host: address.host,
    errors,
    get: (path, init) => fetch(`http://127.0.0.1:${port}${path}`, init),
    async raw(text) {
      const socket = connect(port, '127.0.0.1')
      let answer = ''
      socket.on('data', (chunk: Buffer) => {
        answer += chunk.toString()
      })
      // A reset after the answer is the server's way of not reading on.
      socket.on('error', () => undefined)
      const closed = new Promise(resolve => socket.on('close', resolve))
      socket.write(text)
      await closed
      return answer
    },
  }
}
