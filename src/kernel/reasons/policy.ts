import { blocked, denied, type ReasonRow } from './row.ts'

/** Destinations that are refused: by port and name, or by address after one lookup. */
export const POLICY_REASONS = {
  port_denied: denied(
    'The destination port is not allowed.',
    'The port is not in the list of allowed CONNECT ports.',
  ),
  name_denied: denied(
    'The destination name is not allowed.',
    'Loopback, link-local and metadata names, refused before any lookup.',
  ),
  name_not_fqdn: denied(
    'The destination must be a fully qualified name.',
    'A name without a dot, which would resolve through a search list.',
  ),
  ip_literal: denied(
    'IP addresses are not allowed as destination.',
    'The operator refuses IP literals.',
  ),
  plain_http_denied: denied(
    'This host is only served over https://.',
    'An absolute-form http:// request to an intercepted host.',
  ),
  host_denied: denied(
    'You may not reach this destination.',
    'A rule of the policy file denies the host to the caller.',
  ),
  host_not_allowed: denied(
    'You may not reach this destination.',
    'The host is not among those that the rules of the policy file allow the caller.',
  ),
  tunnels_denied: denied(
    'You may reach AI providers only.',
    'A rule of the policy file denies the caller everything but AI hosts.',
  ),
  provider_denied: denied(
    'You may not use this AI provider.',
    'The provider is not among those that the rules of the policy file allow the caller.',
  ),
  this_network: blocked('0.0.0.0/8, which reaches local listeners.'),
  private: blocked('RFC 1918 ranges.'),
  cgnat: blocked('100.64.0.0/10, shared address space (RFC 6598).'),
  metadata: blocked('Addresses of cloud metadata services.'),
  loopback: blocked('127.0.0.0/8 and ::1.'),
  link_local: blocked('169.254.0.0/16 and fe80::/10.'),
  ietf_protocol: blocked('192.0.0.0/24, 192.88.99.0/24 and 2001::/23 protocol assignments.'),
  documentation: blocked('Documentation ranges.'),
  benchmarking: blocked('198.18.0.0/15 (RFC 2544).'),
  multicast: blocked('224.0.0.0/4 and ff00::/8.'),
  reserved: blocked('240.0.0.0/4.'),
  broadcast: blocked('255.255.255.255.'),
  unspecified: blocked('The unspecified IPv6 address.'),
  v4_mapped: blocked('::ffff:0:0/96, an IPv4 address in IPv6 form.'),
  v4_compatible: blocked('::/96, an IPv4 address in IPv6 form.'),
  nat64: blocked('64:ff9b::/96 or another NAT64 prefix that is not configured.'),
  nat64_local: blocked('64:ff9b:1::/48, local NAT64.'),
  teredo: blocked('2001::/32, an IPv4 address in IPv6 form.'),
  '6to4': blocked('2002::/16, an IPv4 address in IPv6 form.'),
  isatap: blocked('An ISATAP interface identifier, an IPv4 address in IPv6 form.'),
  ula: blocked('fc00::/7, unique local addresses.'),
  not_global_unicast: blocked('IPv6 outside 2000::/3, or a special-purpose block inside it.'),
  mixed_answer: blocked(
    'One name, both allowed and forbidden addresses: the mark of a rebinding attack.',
  ),
  self: blocked("One of this daemon's own listeners."),
} as const satisfies Record<string, ReasonRow>
