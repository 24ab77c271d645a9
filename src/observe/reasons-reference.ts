import { REASONS } from '../kernel/reasons.ts'

/** `docs/reference/reasons.md`. */
export function reasonsReference(): string {
  const rows = Object.entries(REASONS).map(
    ([reason, row]) =>
      `| \`${reason}\` | ${row.status} | ${row.level} | ${row.text} | ${row.doc} |`,
  )
  return `# Reason codes

Every answer that is this daemon's own carries one of these codes, and the same
code is the field \`reason\` of the log line and the label \`reason\` of
\`aibridgeproxyd_refusals_total\`. The client sees status, code and text; what lay
behind it (addresses, names, errors) is in the operator's log only.

| code | status | log level | the client reads | when |
|---|---|---|---|---|
${rows.join('\n')}
`
}
