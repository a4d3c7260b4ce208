/**
 * The guest that Linux initiators run in: an unmodified Debian kernel and a file system in memory with open-iscsi,
 * multipath-tools and what checks a disk. Packages are unpacked, never installed. Made once and kept in the user's cache
 * folder under a name that stands for everything that went into it.
 */

import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { runTool } from '../../support/run-tool.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { cachedDirectory, cacheKey } from './cache.ts'

export interface GuestImage {
  /** The kernel as an ELF file, which boots through PVH without decompressing itself. */
  readonly kernel: string
  /** The first initial RAM file system; a scenario's own files follow it. */
  readonly initramfs: string
}

/** Depends on the kernel package proper, whose name changes with each version. */
const KERNEL_PACKAGE = 'linux-image-amd64'

const PACKAGES = [
  'btrfs-progs',
  'busybox-static',
  'coreutils',
  'dash',
  'ddpt',
  'dvd+rw-tools',
  'e2fsprogs',
  'eject',
  'findutils',
  'fio',
  'genisoimage',
  'kmod',
  'mount',
  'multipath-tools',
  'open-iscsi',
  'sed',
  'sg3-utils',
  'sqlite3',
  'udev',
  'util-linux',
  'wodim',
  'xfsprogs',
]

/** Kernel modules that scenarios need; what these depend on comes along. */
const MODULES = [
  'blake2b_generic',
  'btrfs',
  'crc32c_generic',
  'dm_mod',
  'dm_multipath',
  'dm_round_robin',
  'dm_service_time',
  'ext4',
  'iscsi_tcp',
  'isofs',
  'loop',
  'scsi_dh_alua',
  'sd_mod',
  'sg',
  'sr_mod',
  'virtio_blk',
  'virtio_net',
  'virtio_pci',
  'virtio_scsi',
  'xfs',
]

/** What a guest in memory has no use for. */
const PRUNED = [
  'usr/include',
  'usr/lib/python3',
  'usr/share/bash-completion',
  'usr/share/doc',
  'usr/share/i18n',
  'usr/share/info',
  'usr/share/locale',
  'usr/share/man',
  'usr/share/perl',
  'usr/share/zoneinfo',
  'usr/lib/x86_64-linux-gnu/dri',
  'usr/lib/x86_64-linux-gnu/gconv',
  'usr/lib/x86_64-linux-gnu/perl-base',
]

const FILES = join(import.meta.dirname, 'files')
const XZ_MAGIC = Buffer.from('fd377a585a00', 'hex')

/** The guest, from the cache or made now. Errors: rejects with the command that failed and what it printed. */
export async function guestImage(tell: (line: string) => void): Promise<GuestImage> {
  const ours = readdirSync(FILES).map((name) => join(FILES, name))
  const key = await cacheKey([KERNEL_PACKAGE, ...PACKAGES], [import.meta.filename, ...ours])
  const directory = await cachedDirectory(`guest-${key}`, async (made) => {
    tell('Making the Linux guest (once)')
    using work = temporaryDirectory()
    await makeImage(work.path, made)
  })
  return { kernel: join(directory, 'vmlinux'), initramfs: join(directory, 'initramfs.cpio') }
}

async function makeImage(work: string, made: string): Promise<void> {
  const kernelRoot = join(work, 'kernel')
  const root = join(work, 'root')
  for (const archive of await downloadPackages(join(work, 'archives'))) {
    const isKernel = basename(archive).startsWith('linux-image-')
    await runTool('dpkg-deb', ['-x', archive, isKernel ? kernelRoot : root])
  }
  for (const path of PRUNED) rmSync(join(root, path), { recursive: true, force: true })
  const release = readdirSync(join(kernelRoot, 'lib/modules'))[0]!
  await copyModules(kernelRoot, root, release)
  cpSync(FILES, root, { recursive: true })
  writeFileSync(join(made, 'vmlinux'), await unpackKernel(join(kernelRoot, `boot/vmlinuz-${release}`), work))
  await packDirectory(root, join(made, 'initramfs.cpio'))
}

/** All packages with what they depend on, as if nothing were installed. */
async function downloadPackages(archives: string): Promise<string[]> {
  const status = join(archives, 'status')
  mkdirSync(join(archives, 'partial'), { recursive: true })
  writeFileSync(status, '')
  await runTool('apt-get', [
    '-qq',
    '-o',
    `Dir::State::status=${status}`,
    '-o',
    `Dir::Cache::archives=${archives}`,
    '-o',
    'APT::Sandbox::User=root',
    'install',
    '-y',
    '--download-only',
    '--no-install-recommends',
    KERNEL_PACKAGE,
    ...PACKAGES,
  ])
  return readdirSync(archives)
    .filter((name) => name.endsWith('.deb'))
    .map((name) => join(archives, name))
}

async function copyModules(kernelRoot: string, root: string, release: string): Promise<void> {
  await runTool('depmod', ['-b', kernelRoot, release])
  const from = join(kernelRoot, 'lib/modules', release)
  const to = join(root, 'lib/modules', release)
  for (const path of modulesWithDependencies(readFileSync(join(from, 'modules.dep'), 'utf8'))) {
    cpSync(join(from, path), join(to, path))
  }
  for (const name of ['modules.builtin', 'modules.builtin.modinfo', 'modules.order']) {
    cpSync(join(from, name), join(to, name))
  }
  await runTool('depmod', ['-b', root, release])
}

function modulesWithDependencies(table: string): Set<string> {
  const dependencies = new Map<string, string[]>()
  for (const line of table.trimEnd().split('\n')) {
    const [path, rest] = line.split(':')
    dependencies.set(path!, rest!.trim().split(' ').filter(Boolean))
  }
  const byName = new Map([...dependencies.keys()].map((path) => [moduleName(path), path]))
  const wanted = new Set<string>()
  const add = (path: string): void => {
    if (wanted.has(path)) return
    wanted.add(path)
    for (const dependency of dependencies.get(path) ?? []) add(dependency)
  }
  // A module without a file is built into this kernel.
  for (const name of MODULES) if (byName.has(name)) add(byName.get(name)!)
  return wanted
}

function moduleName(path: string): string {
  return basename(path)
    .replace(/\.ko.*$/, '')
    .replaceAll('-', '_')
}

/** The ELF file inside a compressed kernel. */
async function unpackKernel(path: string, work: string): Promise<Buffer> {
  const compressed = readFileSync(path)
  const start = compressed.indexOf(XZ_MAGIC)
  if (start < 0) throw new Error(`${path} holds no xz stream`)
  const archive = join(work, 'vmlinux.xz')
  writeFileSync(archive, compressed.subarray(start))
  await runTool('sh', ['-c', 'xz -dc --single-stream <"$1" >"$2"', 'sh', archive, join(work, 'vmlinux')])
  return readFileSync(join(work, 'vmlinux'))
}

/** Packs a folder as an initial RAM file system; several of them may follow each other in one file. */
export async function packDirectory(directory: string, archive: string): Promise<void> {
  const script = 'cd "$1" && find . | cpio -o -H newc -R 0:0 --quiet >"$2"'
  await runTool('sh', ['-c', script, 'sh', directory, archive])
}
