import { CA_ROUTES } from './ca-certificate.ts'
import { GENERAL_ROUTES } from './general.ts'
import { HEALTH_ROUTES, METRICS_ROUTE } from './health.ts'
import { RECORD_ROUTES } from './records/routes.ts'
import type { Route } from './route.ts'

/** Everything that the API listener serves; router and reference page read it. */
export const ROUTES: readonly Route[] = [
  ...HEALTH_ROUTES,
  METRICS_ROUTE,
  ...GENERAL_ROUTES,
  ...CA_ROUTES,
  ...RECORD_ROUTES,
]

/** The API listener when Prometheus has an address of its own, or is off. */
export const ROUTES_WITHOUT_METRICS: readonly Route[] = ROUTES.filter(
  route => route !== METRICS_ROUTE,
)

/** That address. */
export const PROMETHEUS_ROUTES: readonly Route[] = [METRICS_ROUTE, ...HEALTH_ROUTES]
