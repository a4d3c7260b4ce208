/**
 * An installed Debian for a host whose root file system is a LUN: its kernel, its own initial RAM disk with open-iscsi's
 * hook, and an ext4 image of the root file system. Bootstrapped once from the mirrors that this machine uses.
 */

import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSparseFile } from '../../support/disk-files.ts'
import { runTool } from '../../support/run-tool.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import type { Tool } from '../../support/tools.ts'
import { cachedDirectory, cacheKey } from './cache.ts'

export const DEBIAN_ROOT_TOOLS: readonly Tool[] = ['mmdebstrap', 'mke2fs']

export interface DebianRoot {
  readonly kernel: string
  readonly initramfs: string
  /** A raw image of a whole disk with the file system on it, sparse. */
  readonly image: string
}

export const DEBIAN_ROOT_BYTES = 2 ** 30

const PACKAGES = ['initramfs-tools', 'linux-image-cloud-amd64', 'open-iscsi', 'systemd-sysv', 'udev']
const BOOTSTRAP_TIMEOUT_MS = 900_000

/** For the new system in $1: root logs in without a password, its shell prints text only, file systems go by label. */
const CUSTOMIZATION = `
chroot "$1" passwd --quiet --delete root
echo 'set enable-bracketed-paste off' >"$1/root/.inputrc"
echo debian-on-lun >"$1/etc/hostname"
echo 'LABEL=root / ext4 errors=remount-ro 0 1' >"$1/etc/fstab"
`

/** The system, from the cache or made now. Errors: rejects with the command that failed and what it printed. */
export async function debianRoot(tell: (line: string) => void): Promise<DebianRoot> {
  const key = await cacheKey(PACKAGES, [import.meta.filename])
  const directory = await cachedDirectory(`debian-root-${key}`, async (made) => {
    tell('Making a Debian root file system (once)')
    using work = temporaryDirectory()
    await makeRoot(work.file('root'), work.file('sources'), made)
  })
  return {
    kernel: join(directory, 'vmlinuz'),
    initramfs: join(directory, 'initrd.img'),
    image: join(directory, 'root.img'),
  }
}

async function makeRoot(root: string, sources: string, made: string): Promise<void> {
  const mirrors = await debianMirrors()
  writeFileSync(sources, mirrors.map((mirror) => `deb ${mirror}\n`).join(''))
  await runTool(
    'mmdebstrap',
    [
      ...['--quiet', '--mode=root', '--variant=minbase', `--include=${PACKAGES.join(',')}`],
      ...['--dpkgopt=force-unsafe-io', `--customize-hook=${CUSTOMIZATION}`],
      ...[mirrors[0]!.split(' ')[1]!, root, sources],
    ],
    { timeoutMs: BOOTSTRAP_TIMEOUT_MS },
  )
  for (const file of readdirSync(join(root, 'boot'))) {
    for (const name of ['vmlinuz', 'initrd.img']) {
      if (file.startsWith(`${name}-`)) await runTool('cp', [join(root, 'boot', file), join(made, name)])
    }
  }
  const image = join(made, 'root.img')
  createSparseFile(image, DEBIAN_ROOT_BYTES)
  await runTool('mke2fs', ['-q', '-F', '-t', 'ext4', '-L', 'root', '-d', root, image])
}

/** `URI SUITE COMPONENT` of Debian's own package lists on this machine, the release itself first. */
async function debianMirrors(): Promise<string[]> {
  const format = '$(REPO_URI) $(RELEASE) $(COMPONENT)'
  const list = await runTool('apt-get', ['indextargets', '--format', format, 'Created-By: Packages', 'Origin: Debian'])
  const mirrors = list.trimEnd().split('\n')
  if (mirrors[0] === '') throw new Error('this machine knows no package lists of Debian: run apt-get update')
  return mirrors.sort((one, other) => one.length - other.length)
}
