/**
 * Two hosts share a disk as the nodes of a cluster do, each registered under a reservation for registrants. One takes
 * itself for the survivor and preempts the other, which writes under load: from the moment that PREEMPT has ended, nothing
 * that the other writes reaches the disk, however long it tries.
 */

import { copyFileSync, readFileSync } from 'node:fs'
import type { Scenario } from '../scenario.ts'
import { SG_FUNCTIONS } from '../sg3-utils.ts'
import { VERIFIED_LOAD } from '../verified-load.ts'

export const scenario: Scenario = {
  title: 'a host preempts another with a write exclusive reservation, and fences it amid its writes',
  isFast: false,
  async run(lab) {
    const disk = lab.file('disk.img')
    const copy = lab.file('copy.img')
    const server = await lab.startServer({ directory: lab.directory, args: [disk, '--size', '64M'] })
    const actions = {
      copy_disk: async () => copyFileSync(disk, copy),
      compare_disk: async () => (readFileSync(disk).equals(readFileSync(copy)) ? 'same' : 'other'),
    }
    const common = [VERIFIED_LOAD, SG_FUNCTIONS, COMMON]
    await lab.runGuests([
      {
        name: 'survivor',
        server,
        actions,
        initiatorName: 'iqn.2026-11.example:survivor',
        script: [...common, SURVIVOR, CASES].join('\n'),
        timeLimitSeconds: 400,
      },
      {
        name: 'fenced',
        server,
        initiatorName: 'iqn.2026-11.example:fenced',
        script: [...common, FENCED, CASES].join('\n'),
        timeLimitSeconds: 400,
      },
    ])
  },
}

const COMMON = `
node_record 10.0.2.2
log_in 10.0.2.2
device=$(disk)
lun=$(sg_node "$device")
SURVIVOR_KEY=0xa1
FENCED_KEY=0xb2
RESERVATION_CONFLICT=24

# meet PLACE: go on when the other host is there, too.
meet() {
  step "$1"
  host meet
}

persist() { decodes sg_persist --no-inquiry "$@" "$lun"; }

# noted: commands that changed what is registered tell the other host of it with its next command.
noted() { sg_turs "$lun" >/dev/null 2>&1 || sg_turs "$lun" || fail 'the disk is not ready'; }

# expect_keys KEY...: these are registered and no others.
expect_keys() {
  persist --in --read-keys
  [ "$(sed -n 's/^ *\\(0x[0-9a-f]*\\)$/\\1/p' /tmp/said | sort | xargs)" = "$*" ] || fail "not the keys $*: $(cat /tmp/said)"
}
`

/** The cases, for both hosts: type of reservation, its name, who holds it first, how and whom the survivor preempts. */
const CASES = `
case_of 5 'Write Exclusive, registrants only' fenced --preempt $FENCED_KEY
case_of 5 'Write Exclusive, registrants only' survivor --preempt-abort $FENCED_KEY
case_of 7 'Write Exclusive, all registrants' fenced --preempt $FENCED_KEY
case_of 7 'Write Exclusive, all registrants' survivor --preempt-abort 0
log_out 10.0.2.2
`

const SURVIVOR = `
head -c 33554432 /dev/urandom >/tmp/pattern
sum_of_pattern=$(md5sum </tmp/pattern)

case_of() {
  meet "$2, held by $3, $4"
  persist --out --register --param-sark=$SURVIVOR_KEY
  meet 'both are registered'
  [ "$3" = fenced ] || persist --out --reserve --param-rk=$SURVIVOR_KEY --prout-type="$1"
  meet 'the disk is reserved'
  noted
  expect_keys $SURVIVOR_KEY $FENCED_KEY
  persist --in --read-reservation
  says "type: $2"
  decodes sg_write_same --lba=131071 --num=1 "$lun"
  meet 'the other host is amid its writes'
  persist --out "$4" --param-rk=$SURVIVOR_KEY --param-sark="$5" --prout-type="$1"
  host copy_disk
  expect_keys $SURVIVOR_KEY
  persist --in --read-reservation
  says "type: $2"
  meet 'the other host knows that it is fenced'
  [ "$(host compare_disk)" = same ] || fail 'something was written after the end of PREEMPT'
  dd if=/tmp/pattern of="$device" bs=1M oflag=direct 2>/dev/null || fail 'the survivor cannot write'
  [ "$(host compare_disk)" = other ] || fail 'nobody noticed what the survivor wrote'
  meet 'the survivor has written'
  meet 'the other host has tried again and again'
  sum=$(dd if="$device" bs=1M count=32 iflag=direct 2>/dev/null | md5sum)
  [ "$sum" = "$sum_of_pattern" ] || fail 'other data than the survivor wrote'
  persist --out --clear --param-rk=$SURVIVOR_KEY
  meet 'nothing is reserved any more'
  expect_blank_table
}

expect_blank_table() {
  persist --in --read-keys
  says 'there are NO registered reservation keys'
}
`

const FENCED = `
head -c 1048576 /dev/urandom >/tmp/late

case_of() {
  meet "$2, held by $3, $4"
  persist --out --register --param-sark=$FENCED_KEY
  meet 'both are registered'
  [ "$3" = survivor ] || persist --out --reserve --param-rk=$FENCED_KEY --prout-type="$1"
  meet 'the disk is reserved'
  noted
  start_load "$device"
  await_passes 0
  await_writes
  meet 'the other host is amid its writes'
  if wait "$load_pid"; then fail 'the load ended by itself'; fi
  grep -q 'Invalid exchange' /tmp/load.log || fail "the load failed otherwise: $(cat /tmp/load.log)"
  meet 'the other host knows that it is fenced'
  meet 'the survivor has written'
  refused=0
  ends_at=$(($(cut -d. -f1 /proc/uptime) + 5))
  while [ "$(cut -d. -f1 /proc/uptime)" -lt "$ends_at" ]; do
    if dd if=/tmp/late of="$device" bs=256k seek=$((refused % 100)) oflag=direct 2>/dev/null; then fail 'it can write'; fi
    refuses $RESERVATION_CONFLICT 'eservation conflict' sg_write_same --lba=$((refused * 64)) --num=8 --in=/scenario/run \\
      --xferlen=512 "$lun"
    refused=$((refused + 2))
  done
  echo "$refused writes refused"
  refuses $RESERVATION_CONFLICT 'eservation conflict' sg_unmap --force --lba=0 --num=8 "$lun"
  decodes sg_dd if="$lun" of=/dev/null bs=512 count=2048
  meet 'the other host has tried again and again'
  meet 'nothing is reserved any more'
  noted
  decodes sg_write_same --lba=131071 --num=1 "$lun"
}
`
