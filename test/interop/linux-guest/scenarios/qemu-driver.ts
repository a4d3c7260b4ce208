/**
 * The initiator that is part of QEMU, and the tools of the library that it is made of. Its images are LUNs, and a guest
 * sees a LUN as a disk of its own; virtual machine hosts work like this.
 */

import { closeSync, openSync, readSync, writeFileSync } from 'node:fs'
import { createNoiseFile, createSparseFile } from '../../../support/disk-files.ts'
import { runTool } from '../../../support/run-tool.ts'
import type { Lab } from '../lab.ts'
import type { Scenario } from '../scenario.ts'

const DISK_BYTES = 128 * 2 ** 20
const USER = 'qemu'
const SECRET = 'a-secret-of-qemu'

const SECRET_OBJECT = 'secret,id=chap,file=secret'

/** How QEMU logs in: the same words in the options of a disk and in `-iscsi`, which holds for all URLs. */
const LOGIN = `initiator-name=iqn.2026-11.example:qemu,header-digest=crc32c,user=${USER},password-secret=chap`

/** An image goes in and comes out unchanged, by the LUN's address alone. */
const imagesByUrl = (url: string): string => `
qemu-img info ${url}
qemu-img convert -n -O raw disk.img ${url}
qemu-img convert -f raw -O raw ${url} copy.img
cmp disk.img copy.img
`

/** The same with a digest and with a password from a file, and a change of one mebibyte is noticed. */
const imagesByOptions = (lun: string): string => `
qemu-img info --object ${SECRET_OBJECT} --image-opts ${lun}
qemu-img convert --object ${SECRET_OBJECT} -n -f raw --target-image-opts disk.img ${lun}
qemu-img convert --object ${SECRET_OBJECT} --image-opts -O raw ${lun} copy.img
cmp disk.img copy.img
qemu-img compare --object ${SECRET_OBJECT} --image-opts ${lun} driver=raw,file.filename=disk.img
qemu-io --object ${SECRET_OBJECT} --image-opts -c 'write -P 0x5a 64M 1M' -c flush ${lun}
qemu-io --object ${SECRET_OBJECT} --image-opts -c 'read -P 0x5a 64M 1M' ${lun}
if qemu-img compare --object ${SECRET_OBJECT} --image-opts ${lun} driver=raw,file.filename=disk.img; then
  echo 'qemu-img compare did not notice the change' >&2
  exit 1
fi
`

/** What each of libiscsi's tools must print; `portal` and `url` carry user and password. */
const libiscsiTools = (portal: string, url: string, targetName: string): string => `
expect() {
  pattern=$1
  shift
  output=$("$@")
  printf '%s\\n' "$output" | grep -q "$pattern" && return
  printf '%s shows no %s:\\n%s\\n' "$1" "$pattern" "$output" >&2
  exit 1
}
expect 'Target:${targetName} ' iscsi-ls --show-luns ${portal}
expect 'Vendor:LUNETTE' iscsi-inq ${url}
expect '^${DISK_BYTES}$' iscsi-readcapacity16 --size ${url}
expect '^SWP:0$' iscsi-swp ${url}
expect 'iops average [1-9]' iscsi-perf -m 32 -b 8 -t 1 -r ${url}
`

/** Runs commands as a user types them, in the scenario's folder. */
function runCommands(lab: Lab, commands: string): Promise<string> {
  return runTool('sh', ['-euc', commands], { cwd: lab.directory })
}

/** LUN 1 is a virtio disk, LUN 2 is passed through: the guest's own SCSI commands reach the server. */
const GUEST_SCRIPT = `
modprobe virtio_blk
modprobe virtio_scsi
udevadm settle
grep -q '^LUNETTE' /sys/block/sda/device/vendor || fail 'the disk that is passed through has another vendor'
for device in /dev/vda /dev/sda; do
  step "$device"
  [ "$(blockdev --getsize64 "$device")" -eq ${DISK_BYTES} ] || fail 'the disk has another size'
  fio --eta=never --name=verify --filename="$device" --rw=randwrite --bsrange=4k-256k --size=32M --ioengine=libaio \\
    --iodepth=16 --direct=1 --verify=crc32c --verify_fatal=1 >/tmp/fio.log 2>&1 || { cat /tmp/fio.log; fail 'fio'; }
  grep -E '^ +(READ|WRITE):' /tmp/fio.log
  echo 'written by the guest' | dd of="$device" bs=4k conv=sync,fsync oflag=direct 2>/dev/null
done
`

function readStart(path: string): string {
  const bytes = Buffer.alloc(512)
  const file = openSync(path, 'r')
  try {
    readSync(file, bytes, 0, bytes.length, 0)
  } finally {
    closeSync(file)
  }
  return bytes.toString('latin1')
}

export const scenario: Scenario = {
  title: "QEMU's own iSCSI driver and libiscsi's tools use a LUN, and a guest verifies disks that QEMU attaches",
  isFast: true,
  tools: [
    'qemu-img',
    'qemu-io',
    'qemu-iscsi',
    'iscsi-ls',
    'iscsi-inq',
    'iscsi-readcapacity16',
    'iscsi-swp',
    'iscsi-perf',
  ],
  async run(lab) {
    createNoiseFile(lab.file('disk.img'), DISK_BYTES, 5)
    createSparseFile(lab.file('open.img'), DISK_BYTES)
    const openServer = await lab.startServer({ args: [lab.file('open.img')] })
    await runCommands(lab, imagesByUrl(openServer.url(0)))

    writeFileSync(lab.file('secret'), SECRET, { mode: 0o600 })
    const disks = [lab.file('disk-0.img'), lab.file('disk-1.img'), lab.file('disk-2.img')]
    for (const disk of disks) createSparseFile(disk, DISK_BYTES)
    const chap = ['--chap-user', USER, '--chap-secret-file', lab.file('secret')]
    const server = await lab.startServer({ args: [...disks, ...chap] })
    const { port, targetName } = server
    const lun0 = `driver=iscsi,transport=tcp,portal=127.0.0.1:${port},target=${targetName},lun=0,${LOGIN}`
    await runCommands(lab, imagesByOptions(lun0))
    const portal = `iscsi://${USER}%${SECRET}@127.0.0.1:${port}`
    await runCommands(lab, libiscsiTools(portal, server.url(0, { user: USER, password: SECRET }), targetName))

    await lab.runGuest({
      qemuArguments: [
        ...['-object', `secret,id=chap,file=${lab.file('secret')}`, '-iscsi', LOGIN],
        ...['-drive', `file=${server.url(1)},format=raw,if=virtio,cache=none`],
        ...['-device', 'virtio-scsi-pci', '-drive', `file=${server.url(2)},format=raw,if=none,id=lun2,cache=none`],
        ...['-device', 'scsi-block,drive=lun2'],
      ],
      script: GUEST_SCRIPT,
    })
    await server.stop()
    for (const lun of [1, 2]) {
      const isWritten = readStart(disks[lun]!).startsWith('written by the guest\n')
      if (!isWritten) throw new Error(`LUN ${lun} has not what the guest wrote`)
    }
  },
}
