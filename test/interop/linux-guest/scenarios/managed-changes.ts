/**
 * An administrator makes a masked, CHAP-protected LUN with two paths out of nothing, and then changes everything around
 * it while ext4 and xfs are mounted and verify what they hold.
 */

import { commandActions, MANAGED_FUNCTIONS, startManagedArray, targetNameOf, WEB01_SECRET } from '../managed-array.ts'
import { PATH_FUNCTIONS } from '../multipath.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  title: 'LUNs, masks, targets and portals change under ext4 and xfs on two paths; only what is taken away fails',
  isFast: false,
  async run(lab) {
    const array = await startManagedArray(lab)
    const [portal1, portal2] = array.portals
    await array.run(
      `lunette portal create ${portal1}`,
      `lunette portal create ${portal2}`,
      'lunette target create web01',
      'lunette portal-group create web01',
      `lunette portal-group add web01,1 ${portal1}`,
      'lunette portal-group create web01',
      `lunette portal-group add web01,2 ${portal2}`,
      'lunette target chap web01 set --initiator iqn.1993-08.org.debian:01:web01 --secret-file web01.secret',
      'lunette lun create data --size 2G --initiator iqn.1993-08.org.debian:01:web01',
      'lunette lun associate data web01',
      'lunette target show web01',
      ...associated('logs', '1G', 'web01'),
      ...associated('scratch', '64M', 'web01'),
      'lunette target create batch',
      'lunette portal-group create batch',
      `lunette portal-group add batch,1 ${portal1}`,
      'lunette target chap batch set --initiator iqn.1993-08.org.debian:01:web01 --secret-file web01.secret',
      ...associated('nightly', '64M', 'batch'),
    )
    const actions = commandActions(array, {
      add_lun: associated('added', '64M', 'web01'),
      extend_luns: ['lunette lun extend data 2G', 'lunette lun extend logs 1G'],
      remove_lun: ['lunette lun dissociate scratch web01', 'lunette lun delete scratch'],
      mask_lun: ['lunette lun mask added --nobody'],
      unmask_lun: ['lunette lun mask added --initiator iqn.1993-08.org.debian:01:web01'],
      delete_target: ['lunette lun dissociate nightly batch', 'lunette target delete batch'],
      portal_offline: [`lunette portal offline ${portal1}`],
      portal_online: [`lunette portal online ${portal1}`],
    })
    await lab.runGuest({
      initiatorName: 'iqn.1993-08.org.debian:01:web01',
      environment: {
        SECRET: WEB01_SECRET,
        TARGET: await targetNameOf(array, 'web01'),
        BATCH: await targetNameOf(array, 'batch'),
        PORT_1: array.ports[0],
        PORT_2: array.ports[1],
      },
      actions,
      networkCount: 2,
      script: [PATH_FUNCTIONS, MANAGED_FUNCTIONS, SCRIPT].join('\n'),
      timeLimitSeconds: 900,
    })
  },
}

const associated = (lun: string, size: string, target: string): readonly string[] => [
  `lunette lun create ${lun} --size ${size} --initiator iqn.1993-08.org.debian:01:web01`,
  `lunette lun associate ${lun} ${target}`,
]

const SCRIPT = `
# map_of DEVICE: the multipath device over a path to it.
map_of() {
  WWID=$(wwid "$1")
  [ -n "$WWID" ] || fail "$1 has no name"
  await "the map $WWID" [ -b "/dev/mapper/$WWID" ]
  await_paths 2 >&2
  echo "/dev/mapper/$WWID"
}

# kernel_name DEVICE: such as dm-0.
kernel_name() { device=$(readlink -f "$1"); echo "\${device##*/}"; }

size_mib() { echo $(($(blockdev --getsize64 "$1") / 1048576)); }
has_size() { [ "$(size_mib "$1")" -eq "$2" ]; }

# file_system_mib MOUNT_POINT: what it says of its own size.
file_system_mib() { df -m --output=size "$1" | tail -n 1; }

reads() { dd if="$1" of=/dev/null bs=4k count=1 iflag=direct status=none; }

step 'two paths with CHAP'
configure multibus
multipathd
quick='node.session.timeo.replacement_timeout 5'
quick="$quick node.conn[0].timeo.noop_out_interval 2 node.conn[0].timeo.noop_out_timeout 2"
connect "$PORT_2" 10.0.3.2 $quick
second=$(disk 0 10.0.3.2)
second_of_logs=$(disk 1 10.0.3.2)
connect "$PORT_1" 10.0.2.2 $quick
taken_path=$(disk 0) # Of the portal that goes.
DATA=$(map_of "$taken_path")
LOGS=$(map_of "$(disk 1)")
SCRATCH=$(map_of "$(disk 2)")
kept="$(kernel_name "$DATA")|$(kernel_name "$LOGS")|$(kernel_name "$second")|$(kernel_name "$second_of_logs")"
multipath -ll

step 'file systems under load'
mkdir -p /mnt/ext4 /mnt/xfs
mkfs.ext4 -q "$DATA"
mkfs.xfs -q "$LOGS"
mount "$DATA" /mnt/ext4
mount "$LOGS" /mnt/xfs
for directory in /mnt/ext4 /mnt/xfs; do
  cp -a /usr/sbin "$directory"
  (cd "$directory" && find . -type f -exec sha256sum {} +) >"/tmp/checksums.\${directory##*/}"
done
start_load ext4 /mnt/ext4/load
start_load xfs /mnt/xfs/load
start_load scratch "$SCRATCH"
await_pass ext4 xfs scratch

step 'a LUN is added'
host add_lun
iscsiadm -m session --rescan
udevadm settle
ADDED=$(map_of "$(disk 3)")
start_load added "$ADDED"
await_pass added ext4 xfs

step 'LUNs grow while they are mounted'
host extend_luns
iscsiadm -m session --rescan
await 'paths grow' has_size "$taken_path" 4096
await 'paths grow' has_size "$second" 4096
map=\${DATA##*/}
multipathd resize map "$map"
has_size "$DATA" 4096 || fail "$DATA has $(size_mib "$DATA") MiB"
resize2fs "/dev/mapper/$map"
map=\${LOGS##*/}
multipathd resize map "$map"
has_size "$LOGS" 2048 || fail "$LOGS has $(size_mib "$LOGS") MiB"
xfs_growfs /mnt/xfs
[ "$(file_system_mib /mnt/ext4)" -gt 3500 ] || fail "ext4 has $(file_system_mib /mnt/ext4) MiB"
[ "$(file_system_mib /mnt/xfs)" -gt 1900 ] || fail "xfs has $(file_system_mib /mnt/xfs) MiB"
await_pass ext4 xfs

step 'a LUN is masked, and again unmasked'
end_load added
PORT=$PORT_1
masked=$(disk 3)
reads "$masked" || fail 'the LUN cannot be read before'
host mask_lun
! reads "$masked" || fail 'a LUN can be read that is masked'
await_pass ext4 xfs scratch
host unmask_lun
await 'the LUN can be read again' reads "$masked"

step 'a LUN is removed under load'
multipathd disablequeueing map "\${SCRATCH##*/}"
host remove_lun
! wait "$(cat /tmp/scratch.pid)" || fail 'the load on a LUN that is gone did not fail'
await_pass ext4 xfs

step 'another target goes with its session'
web01=$TARGET
TARGET=$BATCH
connect "$PORT_1" 10.0.2.2 $quick
nightly=$(disk)
reads "$nightly" || fail 'the LUN of the other target cannot be read before'
host delete_target
! reads "$nightly" || fail 'a LUN can be read whose target is gone'
await_pass ext4 xfs
# open-iscsi tries to come back until somebody tells it to stop.
log_out 10.0.2.2
TARGET=$web01

step 'a portal goes and comes back'
WWID=\${DATA##*/}
host portal_offline
await_paths 1
await_pass ext4 xfs
host portal_online
await_paths 2
await_pass ext4 xfs

step 'everything is as it was written'
end_load ext4 xfs
for directory in /mnt/ext4 /mnt/xfs; do
  umount "$directory"
  map=$DATA
  [ "$directory" = /mnt/ext4 ] || map=$LOGS
  mount "$map" "$directory"
  sums=/tmp/checksums.\${directory##*/}
  (cd "$directory" && sha256sum --check --quiet "$sums") || fail "$directory holds other bytes"
  umount "$directory"
done
e2fsck -fn "$DATA"
xfs_repair -n "$LOGS"
dmesg >/tmp/messages
! grep -E "dev ($kept)[ ,]|EXT4-fs error|XFS .*(error|orruption|hutdown)|Call Trace" /tmp/messages ||
  fail 'the kernel complained of what was not taken away'
log_out 10.0.2.2
PORT=$PORT_2
log_out 10.0.3.2
`
