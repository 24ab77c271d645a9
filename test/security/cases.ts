/** A case of attack with what it tries, and where it is shown to fail: file, and a part of the title. */
export interface Case {
  readonly id: string
  readonly what: string
  readonly tests: readonly (readonly [file: string, title: string])[]
}

/** The classes, by the first letter of an id. */
export const CLASSES: Readonly<Record<string, string>> = {
  A: 'Reaching what should not be reached (SSRF)',
  B: 'CONNECT and HTTP parsing, smuggling',
  C: 'TLS, certificates, identity',
  D: 'Authentication and secrets',
  H: 'The admin surface',
}

/** `file` below `test/`, a test where it has no ending; several titles of one file are separated by `|`. */
function attack(id: string, what: string, ...places: readonly string[]): Case {
  const tests = places.flatMap(place => {
    const [file = '', titles = ''] = place.split(': ')
    const path = /\.(?:ts|json)$/.test(file) ? `test/${file}` : `test/${file}.test.ts`
    return titles.split(' | ').map(title => [path, title] as const)
  })
  return { id, what, tests }
}

const INSIDE = 'security/inside'
const OUTSIDE = 'security/outside'

export const CASES: readonly Case[] = [
  attack('A01', 'every entry of the corpus, judged', 'egress/corpus: the SSRF corpus'),
  attack(
    'A02',
    'every entry of the corpus, over a socket',
    'flow/refuses: is refused over the socket with its status and reason',
  ),
  attack('A03', 'an answer that changes between two lookups', 'egress/corpus: the SSRF corpus'),
  attack(
    'A05',
    'a private address at the end of a long answer',
    'egress/guard: refuses the whole answer when a forbidden address hides at its end',
  ),
  attack(
    'A07',
    'every entry of the corpus, with canaries on the forbidden addresses',
    'namespace/inside.ts: forbidden ones that were reached',
  ),
  attack(
    'A09',
    'our own listeners; proxies in a circle',
    'egress/guard: names own listeners first',
    'egress/upstream: does not send a request round in circles',
    'flow/remote-chain: where it comes back',
    `${OUTSIDE}: never reaches our own listeners`,
  ),
  attack('A10', 'the same CONNECT through a relay', `${OUTSIDE}: is judged by its authority alone`),
  attack(
    'A11',
    'a redirect to a metadata service',
    'flow/byte-exact.alone: cookies and redirects too',
  ),
  attack(
    'A13',
    'request targets that name another authority',
    `${INSIDE}: gets \${status} for \${what}`,
    'flow/base-url: in the form of its clients',
  ),
  attack(
    'A14',
    'dot segments, plain and escaped',
    'bridge/path: sees the step in | leaves ',
    'flow/bridges: is refused where it would leave the base path',
  ),
  attack(
    'A15',
    'an upgrade to an odd target',
    `${INSIDE}: gets \${status} for \${what}`,
    'flow/websockets: is never forwarded',
  ),
  attack(
    'A16',
    'private targets behind an upstream proxy; proxy variables',
    'egress/squid: judges before the proxy hears of it',
    `${OUTSIDE}: no variable of the environment chooses a proxy`,
  ),
  attack(
    'A17',
    'resolvers that are slow, silent, wordy or wrong',
    'egress/resolve: calls | stops waiting for a resolver that hangs | survives a name that it throws at',
    'egress/guard: judges four thousand addresses without stalling',
  ),
  attack(
    'A18',
    'NAT64 with and without the option',
    'egress/guard: unwraps a configured NAT64 prefix',
    'egress/classify: reads the example of',
  ),
  attack(
    'A20',
    'learning addresses and causes from refusals',
    `${OUTSIDE}: is refused without a word about addresses and causes`,
  ),
  attack(
    'A21',
    'data in the labels of refused names',
    `${OUTSIDE}: looks up no name that is refused`,
  ),
  attack('A23', 'exemptions that are too wide or not what they seem', 'config/types: CIDR lists'),
  attack(
    'A24',
    'random addresses against another classifier',
    'egress/classify: agrees with a model of its own',
  ),
  attack('A25', 'faults put into parser and classifier', 'mutation/settings.json: "break": 95'),
  attack(
    'A26',
    'names that the search list completes; addresses that come to be after the start',
    'egress/system-lookup: asks for names of clients as whole names',
    'namespace/inside.ts: targets that the machine would complete or lead to us',
  ),
  attack(
    'B01',
    'two Hosts, a version that is none, HTTP/1.0',
    'flow/tunnels: is refused with two Hosts | is refused in a version that is none | works in HTTP/1.0 without Host',
  ),
  attack(
    'B02',
    'a Host that names something else',
    'flow/tunnels: works with a Host that has no port, or names something else',
  ),
  attack('B03', 'CONNECT with a body', 'flow/tunnels: is refused with a body'),
  attack(
    'B04',
    'a ClientHello together with CONNECT, or byte by byte',
    'flow/tunnels: delivers bytes that came in one packet with the CONNECT, once',
    'flow/intercepts: works when the ClientHello comes',
  ),
  attack(
    'B05',
    'a challenge, then credentials',
    'flow/refuses: may try again on another connection',
  ),
  attack(
    'B06',
    'a request behind a refused one',
    'flow/refuses: has what follows a refused CONNECT thrown away',
    `${INSIDE}: lose what follows a refused request`,
    'flow/hostile-clients: has nothing done of what it sent behind a request that',
    'flow/base-url: has nothing done of what was sent behind a request',
  ),
  attack(
    'B07',
    'requests that are none for a proxy',
    `${OUTSIDE}: is no web server`,
    'flow/plain-http: its connection ends',
  ),
  attack(
    'B08',
    'contradicting lengths and codings',
    `${INSIDE}: gets \${status} for \${what}`,
    'flow/hostile-clients: and nothing reaches the provider',
  ),
  attack('B09', 'codings that Node lets through', `${INSIDE}: gets \${status} for \${what}`),
  attack(
    'B10',
    'broken and endless chunks',
    `${INSIDE}: end their connection | many chunks of one byte`,
  ),
  attack(
    'B11',
    'credentials and framing in trailers',
    'flow/hostile-clients: cannot smuggle credentials or framing in trailers',
  ),
  attack(
    'B12',
    'folded, nameless and blank-ridden headers',
    `${INSIDE}: gets \${status} for \${what}`,
    'flow/hostile-clients: and nothing reaches the provider',
  ),
  attack(
    'B14',
    'headers named like parts of the language',
    'flow/hostile-clients: may name a header __proto__',
  ),
  attack(
    'B15',
    'several credentials in one request',
    'bridge/credentials: leaves one credential where the client sent several',
  ),
  attack(
    'B16',
    'too many headers, too much head',
    `${INSIDE}: gets \${status} for \${what}`,
    'flow/tunnels: is refused with more headers or bytes than a head may have',
  ),
  attack(
    'B18',
    'expectations',
    'flow/intercepts: are told to continue once',
    'flow/hostile-clients: and nothing reaches the provider',
  ),
  attack(
    'B19',
    'upgrades to other protocols',
    'flow/websockets: is never forwarded | is not one when the provider switches to something else',
  ),
  attack(
    'B20',
    'TRACE, CONNECT inside, odd methods',
    `${INSIDE}: gets \${status} for \${what}`,
    'flow/hostile-clients: is refused a CONNECT',
  ),
  attack('B21', 'bytes beyond ASCII', `${INSIDE}: are passed on as they are where they are legal`),
  attack(
    'B23',
    'answers that break the rules',
    "flow/hostile-providers: becomes 502 in the provider's dialect | is relayed without a reason phrase | cannot flood the client | cannot announce a length where nothing follows | has all its trailers handed on",
    'flow/grpc: cannot flood the client with informational answers',
  ),
  attack(
    'B24',
    'bodies where none belong, or cut short',
    'flow/intercepts: may be HEAD | may be answered without a body',
    'flow/provider-failures: looks broken to the client when the provider breaks off',
  ),
  attack(
    'B25',
    'line breaks in values that we write',
    'egress/origin: refuses headers that would split a message',
    'flow/actor-headers: hold a name that is no text for a header in escaped form',
  ),
  attack(
    'B26',
    'blank lines and pipelines without end',
    `${INSIDE}: blank lines before a request lead nowhere`,
    'flow/hostile-clients: cannot have more than a few pipelined requests | cannot end the daemon with',
    'flow/base-url: comes amid its answer, and writes nothing into that',
  ),
  attack(
    'B27',
    'what other servers read in what we forward',
    'smuggling/run.ts: each must read the one request that was meant',
  ),
  attack(
    'B28',
    'other protocols at the port',
    `${OUTSIDE}: is closed when it is`,
    'flow/refuses: that takes too long is 408',
  ),
  attack('B29', 'a head cut anywhere', `${INSIDE}: mean the same however the head is cut`),
  attack(
    'B30',
    'two credentials for the proxy',
    'proxy/auth: refuses two credentials even when the first is good',
    'flow/base-url: in the form of its clients',
  ),
  attack(
    'B31',
    'all of these behind one another, at random, on every port',
    'fuzz/run.ts: The daemon must live',
  ),

  attack(
    'C01',
    'what a leaf says',
    'ca/leaf: openssl verifies a leaf strictly | a leaf has the extensions of a server certificate and no others | serial numbers are positive',
  ),
  attack(
    'C02',
    'a leaf for anything but an intercepted host',
    'ca/leaf: nothing but a plain permitted host gets a leaf',
    'ca/contexts: a host that is not intercepted gets nothing',
  ),
  attack('C04', 'no SNI', 'flow/intercepts: serves a client'),
  attack('C05', 'an SNI that is none', 'security/tls: survives a ClientHello with'),
  attack(
    'C06',
    'SNI or Host of another host',
    'flow/intercepts: answers 421 when the SNI names another host',
    'mitm/call: refuses a ClientHello that named another host',
  ),
  attack('C07', 'a ClientHello in pieces', 'flow/intercepts: works when the ClientHello comes'),
  attack('C08', 'no TLS where TLS belongs', 'flow/intercepts: ends a connection on which'),
  attack(
    'C09',
    'protocols of ALPN',
    'flow/intercepts: serves a client | tells the operator that a client',
  ),
  attack(
    'C10',
    'old protocols and weak suites',
    'ca/contexts: old protocols and suites without authenticated encryption are refused',
    'flow/tls-terms: as a TLS server',
    'tls/scan.ts: sslscan',
  ),
  attack(
    'C11',
    'a session of another host, or another caller',
    'ca/contexts: session is resumed by its own caller at its own host',
    'security/tls: resumes a session for the caller who has it, and for no other',
  ),
  attack('C12', 'early data', 'security/tls: takes no early data'),
  attack(
    'C13',
    'certificates of a provider that do not hold',
    'egress/origin: sends nothing to an origin that it cannot verify',
    'flow/provider-failures: gets no byte of HTTP when its certificate is not trusted',
    'security/tls: our own CA vouches for no provider',
  ),
  attack(
    'C16',
    'providers behind an https proxy',
    'egress/squid: proxy, one connection for two calls',
    "egress/squid: does not let the proxy's CA vouch for a provider",
  ),
  attack(
    'C17',
    'a rush of handshakes',
    'ca/contexts: a hundred callers at once share one mint | the cache never holds more than its size',
  ),
  attack(
    'C18',
    'a CA and leaves that expire',
    'security/tls: an expired CA is not ready',
    'ca/contexts: a leaf is renewed once less than a day of it is left',
  ),
  attack(
    'C19',
    'a new CA under load',
    'security/tls: changes its CA at a reload under load without a failed handshake',
    'flow/ca-rotation: fails no handshake of a client that trusts both',
  ),
  attack(
    'C20',
    'a CA key that others can reach',
    'ca/authority: a key that others can read is refused | a key behind a symbolic link | a FIFO or a directory | a key with a second hard link | a key in a directory that others can write to',
  ),
  attack(
    'C21',
    'a CA that must not sign',
    'ca/authority: certificates that must not or should not sign are refused | an encrypted key is refused | a key that belongs to another certificate | a certificate file that also holds a private key',
  ),
  attack(
    'C22',
    'the page of the CA certificate',
    'admin/admin: the certificates are all that is handed out of the file',
  ),
  attack('C24', 'leaf keys on disk', 'security/tls: keeps the keys of leaves in memory'),
  attack(
    'C25',
    'handshakes that are broken off',
    'flow/resources.alone: nothing is left open, and nothing was warned about or thrown',
  ),
  attack('C26', 'TLS in TLS', 'flow/intercepts: works inside TLS to the proxy itself'),
  attack(
    'C27',
    'huge chains of a provider',
    'security/tls: a chain of two thousand certificates is given up',
    'ca/der: the reader ends on any bytes',
  ),
  attack(
    'C28',
    'clients that pin',
    'flow/intercepts: tells the operator that a client rejects the CA',
  ),
  attack(
    'C29',
    'records that carry nothing, such as key updates without end',
    'security/tls: ends a connection whose records carry next to nothing',
  ),

  attack(
    'D01',
    'no credentials',
    `${OUTSIDE}: is challenged without credentials, for AI hosts and tunnels alike`,
  ),
  attack(
    'D02',
    'credentials in every odd form',
    'proxy/auth: refuses ${title} | does not ask the store about malformed credentials',
  ),
  attack(
    'D03',
    'guessing by time: what is compared are hashes of 256 random bits',
    'record/tokens: the database holds the hash and the last four characters, never the token',
    'record/store: an unknown token, and what is no token at all, belong to nobody',
  ),
  attack(
    'D04',
    'guessing by number',
    'kernel/failures: cost nothing at first',
    'flow/limits: has its answers slowed',
  ),
  attack(
    'D05',
    'a token that is revoked amid its use',
    'flow/revoked-tokens: is refused on a connection that is open | loses its streams, idle connections and tunnels within five seconds',
  ),
  attack(
    'D07',
    "the proxy's headers on their way to a provider",
    'bridge/credentials: drops everything that speaks to proxies or to us',
    'flow/plain-http: goes with the Host of its target and without what was for the proxy',
  ),
  attack(
    'D08',
    "the client's credentials beside ours",
    'bridge/credentials: leaves one credential where the client sent several | lets nothing say whose account it is | goes out beside the central one',
  ),
  attack(
    'D09',
    'a provider that echoes a key: answers are relayed as they are, log and books stay clean',
    'flow/canary: no secret reaches any sink',
  ),
  attack('D10', 'secrets in any sink', 'flow/canary: no secret reaches any sink'),
  attack('D13', 'secrets in errors', 'flow/canary: no secret reaches any sink'),
  attack(
    'D16',
    'a provider without TLS',
    'config/types: base URLs',
    'config/providers: indexed providers refuse',
  ),
  attack(
    'D18',
    'callers who share connections to a provider',
    'security/callers: never see each other',
  ),
  attack('D19', 'leftovers of memory', 'security/callers: get no leftovers of memory'),
  attack(
    'D20',
    'user names that are code elsewhere',
    `${OUTSIDE}: may come from a user of any name`,
  ),
  attack(
    'D21',
    'a stolen database',
    'record/tokens: the database holds the hash and the last four characters, never the token',
  ),
  attack(
    'D22',
    'a key that is changed under load',
    'security/callers: have every call travel with the old key or the new one',
  ),
  attack(
    'D23',
    'credentials in the target',
    'flow/canary: no secret reaches any sink',
    'flow/base-url: in the form of its clients',
    'egress/corpus: the SSRF corpus',
  ),
  attack(
    'D24',
    'files of secrets that are odd',
    'config/load: loadConfig',
    'cli/runtime-environment: stand in for the files of secrets',
  ),
  attack('D25', 'processes that we start', 'flow/canary: no secret reaches any sink'),
  attack(
    'D26',
    'what looks like credentials inside a tunnel',
    'flow/tunnels: carries bytes both ways unchanged',
  ),

  attack(
    'H01',
    'a listener for the whole network',
    'admin/access: every route asks for the token that its row names',
    'config/load: contradictory settings refuse the start',
  ),
  attack(
    'H02',
    'every route without, and with the wrong, token',
    'admin/access: every route asks for the token that its row names | a missing token is challenged',
  ),
  attack(
    'H03',
    'names that a stranger points at us',
    'admin/access: a loopback listener refuses names that a stranger could point at it',
  ),
  attack('H04', 'the API through the proxy', `${OUTSIDE}: never reaches our own listeners`),
  attack(
    'H05',
    'secrets and client text in metrics',
    'flow/canary: no secret reaches any sink',
    'observe/observer: methods and statuses that a client can invent do not become labels',
  ),
  attack(
    'H06',
    'health that lies',
    'admin/admin: readiness is 200 when every check holds',
    'security/tls: an expired CA is not ready',
  ),
  attack(
    'H07',
    'slow and idle clients of the API',
    'admin/admin: a head that does not arrive in time is 408 | closing does not wait for clients that send nothing',
  ),
  attack(
    'H08',
    'odd requests to the API',
    'admin/admin: is ${status} | a body is never read: too large is 413 | heads over the limits are 431',
  ),
  attack(
    'H09',
    'huge lists',
    'admin/records: pages by offset and by cursor cover everything once | a page of huge prompts is sent in parts',
  ),
  attack(
    'H10',
    'SQL in every parameter',
    'admin/records: every mistake has its status and its words | a user sees only their own records',
  ),
  attack(
    'H12',
    'control characters in what is logged',
    'observe/log: no text of a client can begin a new line or steer a terminal',
  ),
  attack(
    'H13',
    "guessing the API's tokens by time and number",
    'flow/limits: has its answers slowed',
  ),
  attack('H14', 'reloads nobody hears of', 'cli/serve: reads the configuration again at SIGHUP'),
  attack(
    'H15',
    'two listeners on one port',
    'config/load: contradictory settings refuse the start',
  ),
]
