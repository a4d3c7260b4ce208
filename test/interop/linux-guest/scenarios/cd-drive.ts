/**
 * ISO images as Linux sees them: as drives with a disc. What is on the disc is there, byte for byte, the programs that ask
 * drives and discs what they are get answers that they understand, and the tray opens and closes.
 */

import { createHash } from 'node:crypto'
import { copyFileSync, readFileSync, truncateSync } from 'node:fs'
import { BOOT_DISC_TOOLS, createBootDisc } from '../firmware/boot-disc.ts'
import type { Scenario } from '../scenario.ts'

const VOLUME_NAME = 'INSTALLER'
/** More than a CD holds. */
const DVD_BYTES = 2 ** 30
const FILE_SIZES_BYTES = [0, 1, 2047, 2048, 2049, 65_536, 3_000_001]

export const scenario: Scenario = {
  title: 'Linux reads, identifies and ejects a CD and a DVD, which nobody can write, and a CD that QEMU attaches',
  isFast: false,
  tools: ['qemu-iscsi', ...BOOT_DISC_TOOLS],
  async run(lab) {
    const [cd, dvd] = [lab.file('cd.iso'), lab.file('dvd.iso')]
    const disc = { volumeName: VOLUME_NAME, biosText: 'BIOS', uefiText: 'UEFI', files: installerFiles() }
    await createBootDisc(cd, lab.file('tree'), disc)
    copyFileSync(cd, dvd)
    truncateSync(dvd, DVD_BYTES)
    const contents = readFileSync(cd)
    const server = await lab.startServer({ args: [cd, dvd] })
    await lab.runGuest({
      server,
      environment: { VOLUME_NAME, CD_SHA256: sha256(contents), CD_BLOCKS: contents.length / 2048 },
      qemuArguments: [
        ...['-device', 'virtio-scsi-pci', '-drive', `file=${server.url(0)},format=raw,if=none,id=cd,media=cdrom`],
        ...['-device', 'scsi-cd,drive=cd'],
      ],
      script: SCRIPT,
    })
    if (!readFileSync(cd).equals(contents)) throw new Error('the image was changed')
  },
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Files of all sizes in folders, with their checksums as sha256sum reads them. */
function installerFiles(): Record<string, Buffer> {
  const files = FILE_SIZES_BYTES.map((size) => {
    const contents = Buffer.alloc(size)
    for (let offset = 0; offset + 4 <= size; offset += 4) contents.writeUInt32LE(size + offset, offset)
    return [`pool/main/a-package-with-a-long-name_${size}.deb`, contents] as const
  })
  const sums = files.map(([name, contents]) => `${sha256(contents)}  ${name}\n`)
  return { ...Object.fromEntries(files), SHA256SUMS: Buffer.from(sums.join('')) }
}

const SCRIPT = `
# expect_line PATTERN COMMAND...: the command succeeds, and a line of what it prints matches.
expect_line() {
  pattern=$1
  shift
  "$@" >/tmp/output 2>&1 || fail "status $? of $*: $(cat /tmp/output)"
  grep -qE "$pattern" /tmp/output || fail "$* shows no $pattern: $(cat /tmp/output)"
}
property() { expect_line "^$2$" udevadm info --query=property "$1"; }
mount_disc() { mount -o ro "$device" "/mnt/$type"; }
expect_files() {
  mount_disc
  (cd "/mnt/$type" && sha256sum --check --quiet SHA256SUMS) || fail "$device holds other files"
}

type=disc
mkdir -p "/mnt/$type"

step 'a CD that QEMU attaches'
modprobe virtio_scsi
udevadm settle
device=/dev/sr0
grep -q '^QEMU' /sys/block/sr0/device/vendor || fail "$device is not QEMU's"
expect_files
umount "/mnt/$type"
[ "$(sha256sum <$device)" = "$CD_SHA256  -" ] || fail "$device holds other bytes"

node_record 10.0.2.2
log_in 10.0.2.2

step 'what the DVD says it is'
device=$(disk 1)
property "$device" ID_CDROM_MEDIA_DVD=1
expect_line 'DVD-ROM , currentP=1' sg_get_config "$device"
expect_line 'Mounted Media: +10h, DVD-ROM' dvd+rw-mediainfo "$device"
cat /tmp/output
expect_files
umount "/mnt/$type"

step 'what the CD says it is'
device=$(disk 0)
expect_line 'Peripheral device type: cd/dvd' sg_inq "$device"
property "$device" ID_CDROM_MEDIA_CD=1
property "$device" ID_CDROM_MEDIA_TRACK_COUNT_DATA=1
property "$device" "ID_FS_LABEL=$VOLUME_NAME"
expect_line 'TYPE="iso9660"' blkid --probe "$device"
expect_line 'El Torito VD version 1 found' isoinfo -d -i "$device"
expect_line "^track:lout lba: +$CD_BLOCKS " wodim dev="$device" -toc
expect_line 'Does support ejection of CD' wodim dev="$device" -prcap
expect_line 'CD-ROM , currentP=1' sg_get_config "$device"
grep -q 'DBE=1' /tmp/output || fail "the Core feature is another: $(cat /tmp/output)"
cat /tmp/output

step 'the files and all of the disc'
expect_files
[ "$(sha256sum <$device)" = "$CD_SHA256  -" ] || fail "$device holds other bytes"

step 'a locked tray stays closed'
eject --manualeject on "$device"
expect_status 5 sg_start --eject "$device"
eject --manualeject off "$device"
umount "/mnt/$type"

step 'nobody writes'
[ "$(blockdev --getro "$device")" -eq 1 ] || fail 'Linux takes the disc for writable'
expect_status 9 sg_raw --send=2048 --infile=/dev/zero "$device" 2a 00 00 00 00 00 00 00 01 00

step 'the tray opens and closes'
eject "$device"
expect_status 2 sg_turs "$device"
eject --trayclose "$device"
expect_files
umount "/mnt/$type"

dmesg | grep -E 'sr |sr[0-9]|cdrom|scsi' >/tmp/kernel
! grep -iE 'sense|error|fail|busy|unaligned|unknown|invalid' /tmp/kernel || fail 'the kernel complains'
`
