import type { YamlNode } from '../yaml-node.ts'

export type Groups = ReadonlyMap<string, ReadonlySet<string>>

/** `groups: {research: [ada, grace]}`; a user may be in several. */
export function readGroups(section: YamlNode | undefined): Groups {
  const groups = new Map<string, ReadonlySet<string>>()
  for (const [name, node] of section?.entries('groups, each with its users') ?? []) {
    const users = node.items('a sequence of users, as [ada, grace]').map(user => user.name())
    groups.set(name, new Set(users.filter(user => user !== undefined)))
  }
  return groups
}
