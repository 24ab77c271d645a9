import type { ListenAddress } from '../../kernel/target.ts'
import { defineGroup, row } from '../option.ts'
import { listenAddress } from '../types/listen-address.ts'
import { bool } from '../types/scalar.ts'
import { type BaseUrl, baseUrl, formatOrigin } from '../types/url.ts'

export const API = defineGroup(
  {
    name: 'API',
    description: 'The listener for the API and the base-URL routes.',
    prefix: '',
    yaml: ['networking'],
    json: [],
  },
  {
    accessUrl: row({
      name: 'Access URL',
      description:
        'The Coder deployment, or other instance of this daemon, whose bridge and users are used when the bridge of this daemon is off.',
      flag: 'access-url',
      yaml: 'accessURL',
      json: ['access_url'],
      type: { ...baseUrl('invalid coder access URL'), json: goUrl },
      default: undefined,
      restart: false,
      example: 'https://coder.example',
    }),
  },
)

export const HTTP = defineGroup(
  {
    name: 'HTTP',
    description: 'Where that listener is.',
    prefix: '',
    yaml: ['networking', 'http'],
    json: [],
  },
  {
    address: row({
      name: 'API listen address',
      description: 'Where the API listens. Without a host on all interfaces.',
      flag: 'http-address',
      yaml: 'httpAddress',
      yamlAliases: ['http_address'],
      json: ['http_address'],
      type: listenAddress,
      default: { host: '127.0.0.1', port: 8889 },
      example: ':8889',
    }),
  },
)

export const PROMETHEUS = defineGroup(
  {
    name: 'Prometheus',
    description: 'Metrics.',
    prefix: 'prometheus',
    yaml: ['introspection', 'prometheus'],
    json: ['prometheus'],
  },
  {
    enable: row({
      name: 'Metrics enabled',
      description: 'Serve metrics at `/metrics`.',
      flag: 'enable',
      type: bool,
      default: true,
      example: 'false',
    }),
    address: row({
      name: 'Metrics listen address',
      description: 'Serves the metrics on a listener of their own.',
      flag: 'address',
      type: { ...listenAddress, json: goHostPort },
      default: undefined,
      defaultText: 'the API listener',
      example: '127.0.0.1:2112',
    }),
  },
)

/** This address has the fields of Coder's `serpent.HostPort` there. */
function goHostPort(value: ListenAddress | undefined): Readonly<Record<string, string>> {
  return { host: value?.host ?? '', port: String(value?.port ?? '') }
}

/** The access URL has the fields of Go's `url.URL` there. */
function goUrl(value: BaseUrl | undefined): Readonly<Record<string, unknown>> {
  return {
    scheme: value?.origin.protocol ?? '',
    host: value === undefined ? '' : formatOrigin(value.origin).replace(/^[a-z]+:\/\//, ''),
    path: value?.path ?? '',
    rawPath: '',
    rawQuery: '',
    fragment: '',
    rawFragment: '',
    opaque: '',
    user: null,
    forceQuery: false,
    omitHost: false,
  }
}
