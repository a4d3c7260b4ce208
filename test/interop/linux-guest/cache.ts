/**
 * What takes long to make is made once and kept in the user's cache folder, under a name that stands for everything that
 * went into it.
 */

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { runTool } from '../../support/run-tool.ts'

/**
 * The cached folder `name`, which `make` fills if it is not there. A folder has its name only when it is whole, whoever
 * else makes the same one meanwhile. Errors: rejects as `make` does.
 */
export async function cachedDirectory(name: string, make: (directory: string) => Promise<void>): Promise<string> {
  const directory = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lunette', name)
  if (existsSync(directory)) return directory
  const staged = `${directory}.${process.pid}`
  mkdirSync(dirname(staged), { recursive: true })
  try {
    mkdirSync(staged)
    await make(staged)
    renameSync(staged, directory)
  } catch (error) {
    rmSync(staged, { recursive: true, force: true })
    if (!existsSync(directory)) throw error
  }
  return directory
}

/** Stands for the newest versions of Debian packages that this machine knows, and for the contents of files. */
export async function cacheKey(packages: readonly string[], files: readonly string[]): Promise<string> {
  const hash = createHash('sha256')
  const policy = await packagePolicy(packages)
  hash.update(policy.replace(/^ {2}Installed:.*$/gm, '').replace(/^ (\*\*\*| {3}).*$/gm, ''))
  for (const file of [...files].sort()) hash.update(basename(file)).update(readFileSync(file))
  return hash.digest('hex').slice(0, 16)
}

/** What apt knows of packages; a machine that has no package lists yet gets them first. */
async function packagePolicy(packages: readonly string[]): Promise<string> {
  const known = await runTool('apt-cache', ['policy', ...packages])
  const isComplete = packages.every((name) => known.includes(`${name}:\n`)) && !known.includes('Candidate: (none)')
  if (isComplete) return known
  await runTool('apt-get', ['-qq', 'update'], { timeoutMs: 300_000 })
  return runTool('apt-cache', ['policy', ...packages])
}
