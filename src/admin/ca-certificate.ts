import { respond, respondText } from './respond.ts'
import type { Exchange, Route } from './route.ts'

/** A certificate is public; what signs with it never comes near this listener. */
export const CA_ROUTES: readonly Route[] = ['aibridge', 'ai-gateway'].map(name => ({
  method: 'GET',
  path: `/api/v2/${name}/proxy/ca-cert.pem`,
  access: 'none',
  summary:
    'The certificate of the interception CA, PEM, and while it is rotated those it overlaps with; 404 when there is none.',
  handle: answerCertificate,
}))

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----/g

function answerCertificate({ response, deps }: Exchange): void {
  // SECURITY: only certificates are cut out, whatever else a file may hold.
  const blocks = deps.caCertificate()?.match(CERTIFICATE)
  if (!blocks) {
    return respondText(response, 404, 'MITM CA certificate not configured\n')
  }
  respond(response, {
    status: 200,
    type: 'application/x-pem-file',
    content: `${blocks.join('\n')}\n`,
    headers: { 'Content-Disposition': 'attachment; filename=ca-cert.pem' },
  })
}
