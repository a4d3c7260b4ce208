/** Which version of the program this is: what its package says. */

import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'

/** `unknown` when the program was taken out of its package. */
export function packageVersion(): string {
  const path = findPackageJSON(import.meta.url)
  return path === undefined ? 'unknown' : String(JSON.parse(readFileSync(path, 'utf8')).version)
}
