/** What loading collects on its way, so that all of it is told at once. */
export interface Report {
  readonly problems: string[]
  readonly warnings: string[]
}
