/**
 * Directories that live as long as one test or one tool run. Held with `using`, they are gone when the block ends, also
 * when it ends with an exception.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TemporaryDirectory extends Disposable {
  readonly path: string
  /** The path of `name` inside the directory. */
  file(name: string): string
}

/** Makes an empty directory under `parent` (default: the system's directory for temporary files). */
export function temporaryDirectory(parent: string = tmpdir()): TemporaryDirectory {
  const path = mkdtempSync(join(parent, 'lunette-'))
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }
}
