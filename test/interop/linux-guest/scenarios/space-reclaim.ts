/**
 * Space that a host no longer uses comes back to whoever runs the server: what the file behind a disk takes is measured
 * from outside, with nothing but its size in blocks, while a guest writes, deletes and discards.
 */

import { statSync } from 'node:fs'
import type { Scenario } from '../scenario.ts'

const FILE_SYSTEMS = ['ext4', 'xfs', 'btrfs'] as const

/** The unit of st_blocks, whatever the block size of the file system is. */
const STAT_BLOCK_BYTES = 512

function occupiedBytes(path: string): number {
  return statSync(path).blocks * STAT_BLOCK_BYTES
}

export const scenario: Scenario = {
  title:
    'ext4, xfs and btrfs give deleted files back with fstrim and mount -o discard, blkdiscard a whole disk; what stays is intact',
  isFast: false,
  async run(lab) {
    const disks = FILE_SYSTEMS.map((type) => ({ type, path: lab.file(`${type}.img`) }))
    const server = await lab.startServer({ args: [...disks.map(({ path }) => path), '--size', '320M'] })
    const actions = disks.map(({ type, path }) => [`occupied_${type}`, async () => `${occupiedBytes(path)}`] as const)
    await lab.runGuest({
      server,
      environment: { FILE_SYSTEMS: FILE_SYSTEMS.join(' ') },
      script: SCRIPT,
      actions: Object.fromEntries(actions),
      timeLimitSeconds: 900,
    })
  },
}

/**
 * Large files that go, with small files between them that stay. Before they are trimmed, the deleted files occupy what
 * they did: so the bound would not hold if the server kept what is discarded.
 */
const SCRIPT = `
MIB=1048576
# The files that go are 96 MiB; what their file system wrote for itself may come back with them.
TAKEN=$((90 * MIB))
# What a file system writes for itself meanwhile and keeps: its log, its trees.
OWN=$((12 * MIB))
# A disk that holds nothing: at most what the host's file system needs to say so.
NOTHING=$((MIB / 4))

make_ext4() { mkfs.ext4 -q -E nodiscard "$1"; }
make_xfs() { mkfs.xfs -q -K "$1"; }
make_btrfs() { mkfs.btrfs -q -K "$1"; }

occupied() { host "occupied_$type"; }
expect_at_most() { [ "$(occupied)" -le "$1" ] || fail "$type occupies $(occupied) bytes, more than $1: $2"; }
expect_at_least() { [ "$(occupied)" -ge "$1" ] || fail "$type occupies $(occupied) bytes, less than $1: $2"; }

# expect_zeroes [MIB]: from the start of $device, or all of it.
expect_zeroes() {
  dd if="$device" bs=1M iflag=direct \${1:+count="$1"} 2>/dev/null | tr -d '\\0' | head -c 1 >/tmp/not-zero
  [ ! -s /tmp/not-zero ] || fail "$type: $device does not read as zeroes"
}

# write_going: the files that will be deleted, each with one beside it that stays.
write_going() {
  number=0
  while [ "$number" -lt 24 ]; do
    head -c 4M /dev/urandom >"/mnt/$type/going/$number"
    [ -e "/mnt/$type/staying/$number" ] || head -c 100000 /dev/urandom >"/mnt/$type/staying/$number"
    number=$((number + 1))
  done
  sync -f "/mnt/$type"
  (cd "/mnt/$type/staying" && sha256sum *) >/tmp/checksums
}

# expect_intact: what stayed, read from the disk anew, and no complaint from the file system.
expect_intact() {
  umount "/mnt/$type"
  mount -o nodiscard "$device" "/mnt/$type"
  (cd "/mnt/$type/staying" && sha256sum --check --quiet /tmp/checksums) || fail "$type lost what it should keep"
}

# write_and_delete: the space of the files is taken when they are written.
write_and_delete() {
  empty=$(occupied)
  write_going
  expect_at_least $((empty + TAKEN)) 'files were written'
  rm "/mnt/$type/going"/*
  sync -f "/mnt/$type"
}

reclaim_by_fstrim() {
  mount -o nodiscard "$device" "/mnt/$type"
  mkdir -p "/mnt/$type/going" "/mnt/$type/staying"
  sync -f "/mnt/$type"
  write_and_delete
  expect_at_least $((empty + TAKEN)) 'a deleted file is only discarded when somebody says so'
  fstrim -v "/mnt/$type"
  step "$type occupied $empty bytes, $((empty + TAKEN)) and more with the files, $(occupied) after fstrim"
  expect_at_most $((empty + OWN)) 'files were deleted and trimmed'
  expect_intact
  umount "/mnt/$type"
}

# The discards of a file system go out with or behind its own commits.
reclaim_by_mount_option() {
  mount -o discard "$device" "/mnt/$type"
  write_and_delete
  tries=0
  until [ "$(occupied)" -le $((empty + OWN)) ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 120 ] || fail "$type occupies $(occupied) bytes although it is mounted with discard"
    sleep 0.5
    sync -f "/mnt/$type"
  done
  step "$type occupied $empty bytes, $(occupied) after deletion with mount -o discard"
  expect_intact
  umount "/mnt/$type"
}

discard_all() {
  blkdiscard -f "$device"
  step "$type occupies $(occupied) bytes after blkdiscard"
  expect_at_most "$NOTHING" 'the whole disk was discarded'
  expect_zeroes
}

# Zeroes that may unmap, as a punched hole, and zeroes that may not.
write_zeroes() {
  head -c 32M /dev/urandom | dd of="$device" bs=1M iflag=fullblock oflag=direct 2>/dev/null
  expect_at_least $((32 * MIB)) 'the start of the disk was written'
  fallocate --punch-hole --length 32M "$device"
  expect_at_most "$NOTHING" 'a hole was punched into the disk'
  expect_zeroes 32
  head -c 32M /dev/urandom | dd of="$device" bs=1M iflag=fullblock oflag=direct 2>/dev/null
  blkdiscard -f -z "$device"
  expect_zeroes
}

node_record 10.0.2.2
log_in 10.0.2.2
lun=0
for type in $FILE_SYSTEMS; do
  device=$(disk $lun)
  queue="/sys/block/\${device##*/}/queue"
  [ "$(cat "$queue/discard_max_bytes")" -gt 0 ] || fail 'Linux does not see that blocks can be discarded'
  [ "$(cat "$queue/write_zeroes_max_bytes")" -gt 0 ] || fail 'Linux does not see that zeroes can be written'
  "make_$type" "$device"
  mkdir -p "/mnt/$type"
  reclaim_by_fstrim
  reclaim_by_mount_option
  discard_all
  [ "$type" != ext4 ] || write_zeroes
  lun=$((lun + 1))
done
`
