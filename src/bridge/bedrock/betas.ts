/** Beta flags of Anthropic's API that Bedrock knows; some for certain models only. */
const KEPT: ReadonlyMap<string, RegExp> = new Map([
  ['computer-use-2025-01-24', /./],
  ['token-efficient-tools-2025-02-19', /./],
  ['interleaved-thinking-2025-05-14', /./],
  ['output-128k-2025-02-19', /./],
  ['dev-full-thinking-2025-05-14', /./],
  ['context-1m-2025-08-07', /./],
  ['tool-search-tool-2025-10-19', /./],
  ['tool-examples-2025-10-29', /./],
  ['context-management-2025-06-27', /(?:sonnet|haiku)-4-5/],
  ['effort-2025-11-24', /opus-4-5/],
])

/** The flags of `anthropic-beta` headers that may go to a model on Bedrock. */
export function keptBetas(headers: readonly string[], model: string): string[] {
  const flags = headers.flatMap(value => value.split(',')).map(flag => flag.trim())
  return [...new Set(flags)].filter(flag => KEPT.get(flag)?.test(model) === true)
}
