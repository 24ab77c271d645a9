import { defineGroup, row } from '../option.ts'
import { file, oneOf, string } from '../types/scalar.ts'

export const CLIENT_CERTIFICATES = defineGroup(
  {
    name: 'Client certificates',
    description: 'Callers who show a certificate to the TLS listener (mutual TLS).',
    prefix: 'aibridge-proxy-tls-client',
    aliasPrefix: 'ai-gateway-proxy-tls-client',
    yaml: ['aibridgeproxy', 'tls_client'],
    yamlAlias: ['ai_gateway_proxy', 'tls_client'],
    json: ['ai', 'aibridge_proxy', 'tls_client'],
  },
  {
    caFile: row({
      name: 'Client CA',
      description:
        "PEM file of the CAs that sign clients' certificates. A reload (SIGHUP) reads it again, which ends what certificates have opened if it has changed.",
      flag: 'ca-file',
      type: file,
      default: undefined,
      example: '/etc/aibridgeproxyd/client-ca.pem',
    }),
    auth: row({
      name: 'Client certificate',
      description:
        '`optional`: whoever sends no token is known by the certificate. `required`: without a good certificate nobody gets as far as sending a token.',
      flag: 'auth',
      type: oneOf('optional', 'required'),
      default: 'optional',
      example: 'required',
    }),
    userFrom: row({
      name: 'User of a certificate',
      description:
        'What of it names the user: the common name, or the only alternative name of a kind.',
      flag: 'user-from',
      type: oneOf('cn', 'san-uri', 'san-email', 'san-dns'),
      default: 'cn',
      restart: false,
      example: 'san-uri',
    }),
    userPrefix: row({
      name: 'User prefix of certificates',
      description:
        'Stands before that name, so that nobody is taken for a user with a stored token. `-` for none.',
      flag: 'user-prefix',
      type: string,
      default: 'cert:',
      restart: false,
      example: 'mtls:',
    }),
  },
)
