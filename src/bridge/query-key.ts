import { unescaped } from '../kernel/percent.ts'
import type { ProviderType } from '../kernel/provider.ts'

/** The keys that a query carries for a type that takes them there, unescaped. */
export function queryKeys(path: string, { queryKey }: Pick<ProviderType, 'queryKey'>): string[] {
  if (queryKey === undefined) return []
  return parameters(path).flatMap(text => {
    const { name, value } = parameter(text)
    return name === queryKey ? [value] : []
  })
}

/** The path without those keys for which `drop` holds; the rest byte for byte. */
export function withoutQueryKeys(
  path: string,
  { queryKey }: Pick<ProviderType, 'queryKey'>,
  drop: (value: string) => boolean,
): string {
  const all = parameters(path)
  const kept = all.filter(text => {
    const { name, value } = parameter(text)
    return name !== queryKey || !drop(value)
  })
  if (kept.length === all.length) return path
  const plain = path.slice(0, path.indexOf('?'))
  return kept.length === 0 ? plain : `${plain}?${kept.join('&')}`
}

function parameters(path: string): string[] {
  const at = path.indexOf('?')
  return at < 0 ? [] : path.slice(at + 1).split('&')
}

function parameter(text: string): { readonly name: string; readonly value: string } {
  const at = text.indexOf('=')
  const end = at < 0 ? text.length : at
  return { name: read(text.slice(0, end)), value: read(text.slice(end + 1)) }
}

/** As servers read it; what is no valid escape stands for itself. */
function read(text: string): string {
  return unescaped(text.replaceAll('+', ' ')) ?? text
}
