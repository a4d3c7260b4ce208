/**
 * The commands of sg3-utils and ddpt that change what is on a disk, each verified by reading it back: conditional and
 * atomic writes, provisioning, copies that the server makes between two disks, erasure and format.
 */

import { readFileSync } from 'node:fs'
import type { Scenario } from '../scenario.ts'
import { SG_FUNCTIONS } from '../sg3-utils.ts'

export const scenario: Scenario = {
  title: 'sg3-utils and ddpt compare, write, unmap, copy between disks, sanitize and format, and all bytes are right',
  isFast: false,
  async run(lab) {
    const disk = lab.file('a.img')
    const server = await lab.startServer({ directory: lab.directory, args: [disk, 'b.img', '--size', '64M'] })
    const script = [SG_FUNCTIONS, PREPARE, WRITES, PROVISIONING, COPIES, ERASURE].join('\n')
    const actions = { compare_blocks: async () => (hasEqualBlocks(disk) ? 'equal' : 'different') }
    await lab.runGuest({ server, actions, script, timeLimitSeconds: 400 })
  },
}

/** Whether all blocks of the file have the same contents. */
function hasEqualBlocks(path: string): boolean {
  const blocks = readFileSync(path)
  return blocks.subarray(BLOCK_BYTES).equals(blocks.subarray(0, -BLOCK_BYTES))
}

const BLOCK_BYTES = 512

const PREPARE = `
node_record 10.0.2.2
log_in 10.0.2.2
device=$(disk 0)
other=$(disk 1)
lun=$(sg_node "$device")
other_lun=$(sg_node "$other")
BLOCKS=131072

# blocks DEVICE LBA COUNT: prints blocks as they are on the disk.
blocks() {
  dd if="$1" bs=64k iflag=direct,skip_bytes,count_bytes skip=$(($2 * 512)) count=$(($3 * 512)) 2>/dev/null
}

# expect_blocks FILE LBA [DEVICE]: the disk has there what the file has.
expect_blocks() {
  blocks "\${3:-$device}" "$2" $(($(stat -c %s "$1") / 512)) | cmp - "$1" || fail "the blocks from $2 are not those of $1"
}

head -c 8388608 /dev/urandom >/tmp/noise
# Eight blocks each, no two alike.
for number in 1 2 3; do dd if=/tmp/noise of="/tmp/$number" bs=4096 skip="$number" count=1 2>/dev/null; done
head -c 4096 /dev/zero >/tmp/zero
head -c 512 /tmp/1 >/tmp/block
for number in 1 2 3 4 5 6 7 8; do cat /tmp/block; done >/tmp/same
dd if=/tmp/noise of="$device" bs=64k oflag=direct 2>/dev/null
expect_blocks /tmp/noise 0
if (expect_blocks /tmp/noise 8) >/dev/null 2>&1; then fail 'nobody noticed blocks in another place'; fi
`

const WRITES = `
step 'compare and write'
decodes sg_write_x --normal --in=/tmp/1 --lba=800 --num=8 "$lun"
cat /tmp/1 /tmp/2 >/tmp/1-then-2
decodes sg_compare_and_write --in=/tmp/1-then-2 --lba=800 --num=8 --xferlen=8192 "$lun"
expect_blocks /tmp/2 800
refuses $MISCOMPARE 'Miscompare at byte offset: 0 ' sg_compare_and_write --in=/tmp/1-then-2 --lba=800 --num=8 \\
  --xferlen=8192 "$lun"
expect_blocks /tmp/2 800
cp /tmp/2 /tmp/almost-2
printf '%b' '\\0'$(printf '%o' $((($(od -An -v -tu1 -j2000 -N1 /tmp/2) + 1) % 256))) |
  dd of=/tmp/almost-2 bs=1 seek=2000 conv=notrunc 2>/dev/null
cat /tmp/almost-2 /tmp/3 >/tmp/almost-2-then-3
refuses $MISCOMPARE 'Miscompare at byte offset: 2000 ' sg_compare_and_write --in=/tmp/almost-2-then-3 --lba=800 --num=8 \\
  --xferlen=8192 "$lun"
expect_blocks /tmp/2 800

step 'writes of every kind'
decodes sg_write_x --16 --atomic=0 --in=/tmp/3 --lba=800 --num=8 "$lun"
expect_blocks /tmp/3 800
for length in --16 --32; do
  decodes sg_write_x "$length" --normal --fua --in=/tmp/1 --lba=800 --num=8 "$lun"
  expect_blocks /tmp/1 800
  decodes sg_write_x "$length" --same=0 --in=/tmp/block --lba=800 --num=8 "$lun"
  expect_blocks /tmp/same 800
  decodes sg_write_x "$length" --same=1 --lba=800 --num=8 "$lun"
  expect_blocks /tmp/zero 800
done
decodes sg_write_x --or --in=/tmp/1 --lba=800 --num=8 "$lun"
expect_blocks /tmp/1 800
blocks "$device" 808 8 >/tmp/after
head -c 4096 /dev/zero | tr '\\0' '\\377' >/tmp/ones
decodes sg_write_x --or --in=/tmp/ones --lba=800 --num=8 "$lun"
expect_blocks /tmp/ones 800
expect_blocks /tmp/after 808
for length in '' --16; do
  for check in 0 1; do
    decodes sg_write_verify $length --bytchk="$check" --in=/tmp/2 --lba=800 --num=8 "$lun"
    expect_blocks /tmp/2 800
    decodes sg_write_same --lba=800 --num=8 "$lun"
  done
done
decodes sg_write_verify --in=/tmp/2 --lba=800 --num=8 "$lun"
for length in '' --16; do
  decodes sg_verify $length --lba=0 --count=$BLOCKS "$lun"
  decodes sg_verify $length --ebytchk=1 --ndo=4096 --in=/tmp/2 --lba=800 --count=8 "$lun"
  refuses $MISCOMPARE 'MISCOMPARE' sg_verify $length --ebytchk=1 --ndo=4096 --in=/tmp/3 --lba=800 --count=8 "$lun"
done
refuses $INVALID_OPERATION_CODE 'Invalid opcode' sg_write_x --stream=1 --in=/tmp/2 --lba=800 --num=8 "$lun"
refuses $ILLEGAL_REQUEST "$INVALID_FIELD" sg_write_x -v --32 --atomic=0 --in=/tmp/2 --lba=800 --num=8 "$lun"
refuses 22 'Logical block address out of range' sg_write_x -v --16 --in=/tmp/2 --lba=$((BLOCKS - 7)) --num=8 "$lun"
expect_blocks /tmp/2 800
`

const PROVISIONING = `
step 'unmap, write same and the status of blocks'
# provisioned: extents of the first 16384 blocks, each as LBA, blocks and status; 0 is mapped, 1 deallocated.
provisioned() {
  decodes sg_get_lba_status $1 --brief --maxlen=1024 "$lun"
  sed -n 's/^0x0*\\([0-9a-f]\\+\\) *0x\\([0-9a-f]*\\)  \\([0-9]\\) .*/\\1+\\2=\\3/p' /tmp/said | xargs
}
expect_provisioned() {
  for length in --16 --32; do
    extents=$(provisioned "$length")
    [ "$extents" = "$1" ] || fail "the extents are $extents instead of $1"
  done
}
dd if=/tmp/noise of="$device" bs=64k oflag=direct 2>/dev/null
expect_provisioned '0+4000=0 4000+1c000=1'
decodes sg_unmap --force --lba=8,64 --num=8,16 "$lun"
expect_provisioned '0+8=0 8+8=1 10+30=0 40+10=1 50+3fb0=0 4000+1c000=1'
for lba in 8 64 72; do expect_blocks /tmp/zero "$lba"; done
for length in --10 --16 --32; do
  decodes sg_write_same "$length" --in=/tmp/block --lba=8 --num=8 "$lun"
  expect_blocks /tmp/same 8
  decodes sg_write_same "$length" --unmap --lba=8 --num=8 "$lun"
  expect_blocks /tmp/zero 8
  expect_provisioned '0+8=0 8+8=1 10+30=0 40+10=1 50+3fb0=0 4000+1c000=1'
  refuses $ILLEGAL_REQUEST "$INVALID_FIELD" sg_write_same -v "$length" --unmap --anchor --lba=16 --num=8 "$lun"
done
for length in --16 --32; do
  decodes sg_write_same "$length" --in=/tmp/block --lba=8 --num=8 "$lun"
  decodes sg_write_same "$length" --ndob --lba=8 --num=8 "$lun"
  expect_blocks /tmp/zero 8
done
refuses $ILLEGAL_REQUEST "$INVALID_FIELD" sg_unmap -v --force --anchor --lba=16 --num=8 "$lun"
dd if=/tmp/noise bs=512 skip=16 count=48 of=/tmp/between 2>/dev/null
expect_blocks /tmp/between 16
`

const COPIES = `
step 'extended copy between two disks'
dd if=/tmp/noise of="$device" bs=64k oflag=direct 2>/dev/null
# ddpt 0.97 copies the first piece again when it takes several commands.
for tool in 'sg_xcopy bpt=1000' 'ddpt --xcopy bpt=16384'; do
  decodes sg_write_same --unmap --lba=0 --num=32768 "$other_lun"
  decodes $tool if="$lun" of="$other_lun" bs=512 count=16384 seek=5
  expect_blocks /tmp/noise 5 "$other"
  blocks "$other" 16389 8 | cmp - /tmp/zero || fail 'more was copied'
  expect_blocks /tmp/noise 0
done
decodes sg_xcopy if="$lun" of="$other_lun" bs=512 count=8 id_usage=hold list_id=5
decodes sg_copy_results --status --list_id=5 "$other_lun"
says 'Operation completed without errors'
says 'Transfer count: 4096'

step 'offloaded data transfer with a token'
# binary HEX...: these bytes. ddpt 0.97 puts range descriptors one byte early, so the lists are made here.
binary() { for byte in "$@"; do printf "\\\\$(printf %o "0x$byte")"; done; }
decodes sg_write_same --unmap --lba=0 --num=32768 "$other_lun"
# 4096 blocks from 16 on, then 512 blocks from 8192 on.
binary 00 2e 00 00 00 00 00 00 00 00 00 00 00 00 00 20 \\
  00 00 00 00 00 00 00 10 00 00 10 00 00 00 00 00 \\
  00 00 00 00 00 00 20 00 00 00 02 00 00 00 00 00 >/tmp/ranges
decodes sg_raw --send=48 --infile=/tmp/ranges "$lun" 83 10 00 00 00 00 00 00 00 07 00 00 00 30 00 00
decodes sg_raw --request=550 --outfile=/tmp/information "$lun" 84 07 00 00 00 07 00 00 00 00 00 00 02 26 00 00
[ "$(stat -c %s /tmp/information)" -eq 550 ] || fail 'there is no token'
tail -c 512 /tmp/information >/tmp/token
decodes ddptctl --info --rtf=/tmp/token
says 'Number of bytes represented: 2359296 '
(
  blocks "$device" 16 4096
  blocks "$device" 8192 512
) >/tmp/represented
# To one range: 4608 blocks from 5 on.
binary 00 00 00 00 00 00 00 10 00 00 00 00 00 00 00 05 00 00 12 00 00 00 00 00 >/tmp/range
(
  binary 02 26 00 00 00 00 00 00 00 00 00 00 00 00 00 00
  cat /tmp/token /tmp/range
) >/tmp/write
write_using_token() { sg_raw --send=552 --infile=/tmp/write "$other_lun" 83 11 00 00 00 00 00 00 00 08 00 00 02 28 00 00; }
decodes write_using_token
expect_blocks /tmp/represented 5 "$other"
blocks "$other" 4613 8 | cmp - /tmp/zero || fail 'more was copied'
# A block that changes takes the token with it.
decodes sg_write_same --lba=20 --num=1 "$lun"
refuses $ILLEGAL_REQUEST 'Invalid token operation, token revoked' write_using_token
expect_blocks /tmp/represented 5 "$other"
dd if=/tmp/noise of="$device" bs=64k oflag=direct 2>/dev/null

step 'copies through the host'
decodes sg_dd if="$lun" of="$other_lun" bs=512 count=16384 seek=32768 bpt=128
expect_blocks /tmp/noise 32768 "$other"
`

const ERASURE = `
# await_erasure COMMAND...: starts it, sees its progress and that the disk is not ready, and waits for its end.
await_erasure() {
  decodes "$@"
  refuses 2 'Logical unit not ready, (sanitize|format) in progress' sg_turs -v "$lun"
  tries=0
  decodes sg_requests --progress "$lun"
  says 'Progress indication: [0-9.]+% done'
  until sg_turs "$lun" >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || fail "no end of $*"
    sleep 0.1
  done
}

# expect_everywhere FILE: the first blocks are those of the file, and the host sees no others on the disk.
expect_everywhere() {
  expect_blocks "$1" 0
  [ "$(host compare_blocks)" = equal ] || fail "the disk has other blocks than those of $1"
}

step sanitize
[ "$(host compare_blocks)" = different ] || fail 'the host cannot tell blocks from each other'
await_erasure sg_sanitize --quick --early --overwrite --count=8 --pattern=/tmp/block "$lun"
expect_everywhere /tmp/same
await_erasure sg_sanitize --quick --early --overwrite --count=8 --zero "$lun"
expect_everywhere /tmp/zero
dd if=/tmp/noise of="$device" bs=64k seek=9 oflag=direct 2>/dev/null
decodes sg_sanitize --quick --wait --block "$lun"
expect_everywhere /tmp/zero
dd if=/tmp/noise of="$device" bs=64k seek=9 oflag=direct 2>/dev/null
decodes sg_sanitize --quick --wait --crypto "$lun"
expect_everywhere /tmp/zero
decodes sg_sanitize --quick --fail "$lun"

step format
dd if=/tmp/noise of="$device" bs=64k seek=9 oflag=direct 2>/dev/null
decodes sg_format --format --quick --wait "$lun"
expect_everywhere /tmp/zero
expect_blocks /tmp/noise 32768 "$other"
refuses $ILLEGAL_REQUEST "$INVALID_FIELD" sg_format -v --format --quick --wait --ffmt=1 "$lun"
log_out 10.0.2.2
echo "$commands_judged commands decoded without a complaint"
`
