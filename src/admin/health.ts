import { respond, respondJson, respondText } from './respond.ts'
import type { Exchange, Route } from './route.ts'

/** Alive says nothing about the rest: a restart would mend none of it. */
const livez: Route = {
  method: 'GET',
  path: '/livez',
  access: 'none',
  summary: 'The process runs. 200 `ok`, always.',
  handle: ({ response }) => respondText(response, 200, 'ok\n'),
}

const healthz: Route = {
  method: 'GET',
  path: '/healthz',
  access: 'none',
  summary: 'What `/readyz` says; the name that other daemons use.',
  handle: answerChecks,
}

const readyz: Route = {
  method: 'GET',
  path: '/readyz',
  access: 'none',
  summary:
    'Whether new work is welcome: 200 or 503 with `{status, checks: [{name, ok, reason}], providers: [{name, ok, reason}]}`; reasons are codes. Only the checks decide; providers are told for information.',
  handle: answerChecks,
}

const metrics: Route = {
  method: 'GET',
  path: '/metrics',
  access: 'loopback',
  summary: 'The metrics in the text format of Prometheus.',
  async handle({ response, deps }) {
    const { contentType, body } = await deps.metrics()
    respond(response, { status: 200, type: contentType, content: body })
  },
}

export const HEALTH_ROUTES: readonly Route[] = [livez, healthz, readyz]

export const METRICS_ROUTE: Route = metrics

async function answerChecks({ response, deps }: Exchange): Promise<void> {
  const checks = await deps.readiness()
  const ready = checks.every(check => check.ok)
  respondJson(response, ready ? 200 : 503, {
    status: ready ? 'ok' : 'unavailable',
    checks,
    ...(deps.providers === undefined ? {} : { providers: deps.providers() }),
  })
}
