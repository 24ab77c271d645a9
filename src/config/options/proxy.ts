import { defineGroup, row } from '../option.ts'
import { nat64Prefixes, privateCidrs } from '../types/cidr.ts'
import { ports, strings } from '../types/list.ts'
import { listenAddress } from '../types/listen-address.ts'
import { bool, file, oneOf } from '../types/scalar.ts'
import { baseUrl, proxyUrl } from '../types/url.ts'

export const PROXY = defineGroup(
  {
    name: 'Proxy',
    description: 'The forward proxy that clients name in HTTPS_PROXY.',
    prefix: 'aibridge-proxy',
    aliasPrefix: 'ai-gateway-proxy',
    yaml: ['aibridgeproxy'],
    yamlAlias: ['ai_gateway_proxy'],
    json: ['ai', 'aibridge_proxy'],
  },
  {
    enabled: row({
      name: 'Proxy enabled',
      description: 'Run the proxy listener.',
      flag: 'enabled',
      type: bool,
      default: true,
      example: 'false',
    }),
    listen: row({
      name: 'Proxy listen address',
      description: 'Where the proxy listens. Without a host (`:8888`) on all interfaces.',
      flag: 'listen-addr',
      type: listenAddress,
      default: { host: '127.0.0.1', port: 8888 },
      example: ':8888',
    }),
    certFile: row({
      name: 'Interception CA certificate',
      description:
        'PEM certificate of the CA that signs for intercepted hosts. Without it the CA in the state directory is used.',
      flag: 'cert-file',
      type: file,
      default: undefined,
      restart: false,
      example: '/etc/aibridgeproxyd/ca.crt',
    }),
    keyFile: row({
      name: 'Interception CA key',
      description: 'PEM private key of that CA.',
      flag: 'key-file',
      type: file,
      default: undefined,
      restart: false,
      example: '/etc/aibridgeproxyd/ca.key',
    }),
    tlsCertFile: row({
      name: 'Listener certificate',
      description:
        'PEM certificate of the listener itself; with it the listener is an `https://` proxy.',
      flag: 'tls-cert-file',
      type: file,
      default: undefined,
      restart: false,
      example: '/etc/aibridgeproxyd/tls.crt',
    }),
    tlsKeyFile: row({
      name: 'Listener key',
      description: 'PEM private key of the listener certificate.',
      flag: 'tls-key-file',
      type: file,
      default: undefined,
      restart: false,
      example: '/etc/aibridgeproxyd/tls.key',
    }),
    tlsListen: row({
      name: 'TLS listen address',
      description:
        'Serves TLS here and leaves the main listener plain, for clients that cannot use an `https://` proxy.',
      flag: 'tls-listen-addr',
      type: listenAddress,
      default: undefined,
      example: ':8443',
    }),
    domainAllowlist: row({
      name: 'Domain allowlist',
      description:
        'Restricts interception to these hosts (`host` or `host:port`); each must be a host of a provider.',
      flag: 'domain-allowlist',
      type: strings,
      default: undefined,
      defaultText: 'every host of every provider',
      restart: false,
      example: 'api.openai.com',
    }),
    upstream: row({
      name: 'Upstream proxy',
      description:
        'Corporate proxy, `http(s)://[user:password@]host:port`, that every outgoing connection takes.',
      flag: 'upstream',
      yaml: 'upstream_proxy',
      type: proxyUrl,
      default: undefined,
      restart: false,
      example: 'http://proxy.internal:3128',
    }),
    upstreamCa: row({
      name: 'Upstream proxy CA',
      description: 'PEM file of the CA that signed the certificate of an `https` upstream proxy.',
      flag: 'upstream-ca',
      yaml: 'upstream_proxy_ca',
      type: file,
      default: undefined,
      restart: false,
      example: '/etc/aibridgeproxyd/upstream-ca.pem',
    }),
    upstreamResolves: row({
      name: 'Upstream resolves names',
      description:
        'Leaves name lookup to the upstream proxy. Names are then not checked for private addresses here.',
      flag: 'upstream-resolves',
      type: bool,
      default: false,
      restart: false,
      example: 'true',
    }),
    allowedPrivateCidrs: row({
      name: 'Allowed private ranges',
      description: 'Private or reserved ranges that may be reached all the same.',
      flag: 'allowed-private-cidrs',
      type: privateCidrs,
      default: [],
      defaultText: 'none',
      restart: false,
      example: '10.20.0.0/16',
    }),
    nat64Prefixes: row({
      name: 'NAT64 prefixes',
      description:
        'NAT64 prefixes of this network; the IPv4 address inside is judged instead of the prefix.',
      flag: 'nat64-prefixes',
      type: nat64Prefixes,
      default: [],
      defaultText: 'none',
      restart: false,
      example: '64:ff9b::/96',
    }),
    allowedPorts: row({
      name: 'Allowed ports',
      description: 'Ports that a client may ask for.',
      flag: 'allowed-ports',
      type: ports,
      default: [80, 443],
      restart: false,
      example: '443',
    }),
    denyIpLiterals: row({
      name: 'Deny IP literals',
      description: 'Refuses targets that are addresses instead of names.',
      flag: 'deny-ip-literals',
      type: bool,
      default: false,
      restart: false,
      example: 'true',
    }),
    auth: row({
      name: 'Proxy authentication',
      description:
        '`required`: every request carries a token, tunnels too. `off` only on a loopback listener.',
      flag: 'auth',
      type: oneOf('required', 'off'),
      default: 'required',
      example: 'off',
    }),
    target: row({
      name: 'Bridge target',
      description:
        'Where intercepted requests go in remote mode; the provider name and the path are appended.',
      flag: 'target',
      type: baseUrl('invalid bridge target'),
      default: undefined,
      defaultText: '<access URL>/api/v2/aibridge',
      restart: false,
      example: 'https://coder.internal/api/v2/ai-gateway',
    }),
    targetCa: row({
      name: 'Bridge target CA',
      description:
        'PEM file of the CA that signed the certificate of the deployment, for the access URL and the bridge target alike.',
      flag: 'target-ca',
      type: file,
      default: undefined,
      restart: false,
      example: '/etc/aibridgeproxyd/deployment-ca.pem',
    }),
    targetAllowInsecureHttp: row({
      name: 'Plain http to the deployment',
      description:
        'Accepts an `http://` access URL or bridge target beyond loopback, over which tokens and prompts travel in the clear.',
      flag: 'target-allow-insecure-http',
      type: bool,
      default: false,
      restart: false,
      example: 'true',
    }),
    dumpDir: row({
      name: 'Proxy dump directory',
      description:
        'Writes each call and its answer to files here (mode 0600), for debugging: heads without their credentials, bodies as clients send and get them, prompts included. 16 MiB of each at most; beyond 1 GiB in all the oldest are deleted.',
      flag: 'dump-dir',
      yaml: 'api_dump_dir',
      type: file,
      default: undefined,
      restart: false,
      example: '/var/lib/aibridgeproxyd/dumps',
    }),
  },
)
