import type { Access } from './route.ts'
import { ROUTES } from './routes.ts'

const ACCESS: Readonly<Record<Access, string>> = {
  none: 'nobody in particular',
  user: 'any valid token',
  admin: "an administrator's token",
  loopback: "nobody in particular on a loopback listener, else an administrator's token",
}

/** `docs/reference/routes.md`. */
export function routesReference(): string {
  const rows = ROUTES.map(
    route => `| ${route.method} | \`${route.path}\` | ${ACCESS[route.access]} | ${route.summary} |`,
  )
  return `# Routes of the API listener

A token goes into \`Coder-Session-Token\` or \`Authorization: Bearer\`; it is made by
\`aibridgeproxyd token create\`. Errors are JSON: \`{"message": …, "detail": …}\`. HEAD is
answered wherever GET is. A loopback listener refuses requests whose \`Host\` is
neither an address, \`localhost\` nor the configured name.

| method | path | needs | what |
|---|---|---|---|
${rows.join('\n')}

## Base-URL routes

Clients that set a base URL instead of a proxy reach each provider at
\`/api/v2/aibridge/NAME/…\` (or \`/api/v2/ai-gateway/NAME/…\`), with any method and as
WebSocket: \`ANTHROPIC_BASE_URL=http://127.0.0.1:8889/api/v2/aibridge/anthropic\`,
\`OPENAI_BASE_URL=http://127.0.0.1:8889/api/v2/aibridge/openai/v1\`. The caller's token
takes the place of the key (\`Authorization\` as bearer or Basic, \`x-api-key\`, \`api-key\`,
\`x-goog-api-key\`), and the central key goes in; with the token in
\`Coder-Session-Token\` or \`X-Coder-AI-Governance-Token\` the key is the client's own.
Everything else is as through the proxy: paths, records, limits, errors in the
provider's form ([types](providers.md)). An unknown name is 404.

The listener speaks plain HTTP: beyond loopback put a TLS server in front of it, or
tokens and prompts travel in the clear.
`
}
