/**
 * What scenarios with file systems have in common: a script for the guest that makes each on a LUN of its own, fills it
 * with a tree, and finds the same files, links and checksums after a new login.
 */

import type { Lab } from './lab.ts'

/** Each has a make_ and a check_ function in the script. */
export type FileSystem = 'ext4' | 'xfs' | 'btrfs'

export interface FileSystemRun {
  /** In the order of their LUNs. */
  readonly fileSystems: readonly FileSystem[]
  /** What the server makes each LUN with, as `--size` takes it. */
  readonly diskSize: string
  /** A folder of the guest. */
  readonly tree: string
  /** Script before and after. */
  readonly before?: string
  readonly after?: string
  readonly actions?: Readonly<Record<string, () => Promise<unknown>>>
  readonly timeLimitSeconds: number
}

/** The file in the lab's folder that holds a file system. */
export function diskName(fileSystem: FileSystem): string {
  return `${fileSystem}.img`
}

/** Serves a disk for each file system and has a guest keep the tree on it. */
export async function keepTree(lab: Lab, run: FileSystemRun): Promise<void> {
  const { fileSystems, diskSize, tree, before = '', after = '', actions = {}, timeLimitSeconds } = run
  const args = [...fileSystems.map(diskName), '--size', diskSize]
  const server = await lab.startServer({ directory: lab.directory, args })
  await lab.runGuest({
    server,
    environment: { FILE_SYSTEMS: fileSystems.join(' '), TREE: tree },
    script: `${before}\n${SCRIPT}\n${after}`,
    actions,
    timeLimitSeconds,
  })
}

const SCRIPT = `
make_ext4() { mkfs.ext4 -q "$1"; }
check_ext4() { e2fsck -fn "$1"; }
make_xfs() { mkfs.xfs -q "$1"; }
check_xfs() { xfs_repair -n "$1"; }
make_btrfs() { mkfs.btrfs -q "$1"; }
check_btrfs() { btrfs check "$1"; }

# fill DIRECTORY: the tree, a second name for each of its files, and room that was used and is free again.
fill() {
  cp -a "$TREE" "$1/tree"
  cp -al "$1/tree" "$1/links"
  head -c 16M /dev/urandom >"$1/discarded"
  sync -f "$1"
  rm "$1/discarded"
  if ! fstrim -v "$1" >/tmp/trimmed 2>&1; then
    grep -q 'not supported' /tmp/trimmed || fail "fstrim: $(cat /tmp/trimmed)"
  fi
}

# list DIRECTORY: everything that a file system keeps of a file but its bytes and when it was last read.
list() {
  (cd "$1" && find . -printf '%p %l %y %m %U:%G %n %i %s %t\\n') >/tmp/unsorted
  sort /tmp/unsorted
}

(cd "$TREE" && find . -type f -exec sha256sum {} +) >/tmp/checksums
step "$(wc -l </tmp/checksums) files"
node_record 10.0.2.2
log_in 10.0.2.2
lun=0
for type in $FILE_SYSTEMS; do
  step "$type is made and filled"
  device=$(disk $lun)
  "make_$type" "$device"
  mkdir -p "/mnt/$type"
  mount "$device" "/mnt/$type"
  fill "/mnt/$type"
  list "/mnt/$type" >"/tmp/list.$type"
  umount "/mnt/$type"
  lun=$((lun + 1))
done

log_out 10.0.2.2
log_in 10.0.2.2
lun=0
for type in $FILE_SYSTEMS; do
  step "$type is as it was left"
  device=$(disk $lun)
  mount "$device" "/mnt/$type"
  list "/mnt/$type" >/tmp/list
  cmp "/tmp/list.$type" /tmp/list || fail "$type lists other files"
  (cd "/mnt/$type/tree" && sha256sum --check --quiet /tmp/checksums) || fail "$type holds other bytes"
  umount "/mnt/$type"
  "check_$type" "$device" >/tmp/check 2>&1 || fail "$type is damaged: $(cat /tmp/check)"
  lun=$((lun + 1))
done
`
