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
`
}
