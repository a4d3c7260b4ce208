/**
 * The programs of other people that tests and benchmarks run, and the Debian packages they come in. One table; from it
 * come what to install and what to tell somebody who must install it by hand. On Debian as root the missing packages are
 * installed; elsewhere nothing is changed.
 */

import { execFileSync, spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

interface ToolSource {
  readonly debianPackage: string
  /** Where the tool is not a command of its own name: says whether it is there. */
  readonly isPresent?: () => boolean
}

const TOOLS = {
  'iscsi-ls': { debianPackage: 'libiscsi-bin' },
  'iscsi-inq': { debianPackage: 'libiscsi-bin' },
  'iscsi-readcapacity16': { debianPackage: 'libiscsi-bin' },
  'iscsi-perf': { debianPackage: 'libiscsi-bin' },
  'iscsi-test-cu': { debianPackage: 'libiscsi-bin' },
  'qemu-img': { debianPackage: 'qemu-utils' },
  'qemu-io': { debianPackage: 'qemu-utils' },
  'qemu-iscsi': { debianPackage: 'qemu-block-extra', isPresent: hasQemuIscsiDriver },
  openssl: { debianPackage: 'openssl' },
  mke2fs: { debianPackage: 'e2fsprogs' },
  e2fsck: { debianPackage: 'e2fsprogs' },
  dumpe2fs: { debianPackage: 'e2fsprogs' },
  debugfs: { debianPackage: 'e2fsprogs' },
  tgtd: { debianPackage: 'tgt' },
  tgtadm: { debianPackage: 'tgt' },
  'qemu-system-x86_64': { debianPackage: 'qemu-system-x86' },
  cpio: { debianPackage: 'cpio' },
  depmod: { debianPackage: 'kmod' },
  xz: { debianPackage: 'xz-utils' },
  'iscsi-swp': { debianPackage: 'libiscsi-bin' },
  iPXE: { debianPackage: 'ipxe', isPresent: () => existsSync('/usr/lib/ipxe/ipxe.lkrn') },
  OVMF: { debianPackage: 'ovmf', isPresent: () => existsSync('/usr/share/OVMF/OVMF_CODE_4M.fd') },
  mformat: { debianPackage: 'mtools' },
  mcopy: { debianPackage: 'mtools' },
  mmd: { debianPackage: 'mtools' },
  sfdisk: { debianPackage: 'fdisk' },
  xorriso: { debianPackage: 'xorriso' },
  mmdebstrap: { debianPackage: 'mmdebstrap' },
  isnsd: { debianPackage: 'open-isns-server' },
  isnsadm: { debianPackage: 'open-isns-utils' },
} as const satisfies Record<string, ToolSource>

export type Tool = keyof typeof TOOLS

/** What the tests run; the benchmarks ask for their own. */
export const TEST_TOOLS: readonly Tool[] = [
  'iscsi-ls',
  'iscsi-inq',
  'iscsi-readcapacity16',
  'iscsi-test-cu',
  'qemu-img',
  'qemu-io',
  'qemu-iscsi',
  'openssl',
  'mke2fs',
  'e2fsck',
  'isnsd',
  'isnsadm',
]

/** PATH with the system directories, where mke2fs and tgtd are and an ordinary user's PATH does not look. */
export const TOOL_SEARCH_PATH = [process.env.PATH ?? '', '/usr/local/sbin', '/usr/sbin', '/sbin'].join(delimiter)

/** The tools of `tools` that are not on this machine. */
export function missingTools(tools: readonly Tool[]): Tool[] {
  return tools.filter((tool) => {
    const source: ToolSource = TOOLS[tool]
    return !(source.isPresent?.() ?? isCommand(tool))
  })
}

/**
 * Installs what is missing of `tools` where this process may, and returns what is missing afterwards. What it does and
 * what remains to be done by hand is told to `tell`, a line at a time.
 */
export function installMissingTools(tools: readonly Tool[], tell: (line: string) => void = console.log): Tool[] {
  const missing = missingTools(tools)
  if (missing.length === 0) return []
  const packages = packagesOf(missing)
  if (mayInstall()) {
    tell(`Installing ${packages.join(' ')} for ${missing.join(', ')}`)
    installPackages(packages, tell)
  }
  const stillMissing = missingTools(missing)
  if (stillMissing.length > 0) {
    tell(`Missing: ${stillMissing.join(', ')}. On Debian or Ubuntu install them with:`)
    tell(`  sudo apt-get install --no-install-recommends ${packagesOf(stillMissing).join(' ')}`)
  }
  return stillMissing
}

/** What to tell somebody whose machine could not start `command`. */
export function explainMissingTool(command: string): string {
  if (!(command in TOOLS)) return `cannot start ${command}`
  return `cannot start ${command}: on Debian it is in the package ${TOOLS[command as Tool].debianPackage}`
}

function packagesOf(tools: readonly Tool[]): string[] {
  return [...new Set(tools.map((tool) => TOOLS[tool].debianPackage))]
}

function mayInstall(): boolean {
  return existsSync('/etc/debian_version') && process.getuid?.() === 0
}

/** A fresh machine has no package lists, an old list names packages that are gone: both are cured by one update. */
function installPackages(packages: readonly string[], tell: (line: string) => void): void {
  const install = ['install', '-y', '--no-install-recommends', ...packages]
  if (aptGet(install)) return
  if (!aptGet(['update']) || !aptGet(install)) tell('apt-get could not install them')
}

function aptGet(args: readonly string[]): boolean {
  const result = spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=300', '-qq', ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  return result.status === 0
}

function isCommand(name: string): boolean {
  return TOOL_SEARCH_PATH.split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** QEMU's drivers are modules of their own on some systems: without the module the protocol has no name. */
function hasQemuIscsiDriver(): boolean {
  if (!isCommand('qemu-img')) return false
  try {
    execFileSync('qemu-img', ['info', 'iscsi://'], { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
    return true
  } catch (error) {
    return !String((error as { stderr?: unknown }).stderr).includes('Unknown protocol')
  }
}
