/** Discovery, login and logout, a target that is not there, and several sessions at a time. */

import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  title: 'open-iscsi discovers, logs in and out, and is told at once of a target that is not there',
  isFast: true,
  async run(lab) {
    const server = await lab.startServer({ args: ['--size', '64M'] })
    await lab.runGuest({
      server,
      script: `
step discovery
iscsiadm -m discovery -t sendtargets -p 10.0.2.2:$PORT -o nonpersistent >/tmp/found
cat /tmp/found
grep -q "127.0.0.1:$PORT,1 $TARGET" /tmp/found || fail 'the target was not discovered'

step login
node_record 10.0.2.2
log_in 10.0.2.2
device=$(disk)
[ "$(blockdev --getsize64 "$device")" -eq 67108864 ] || fail 'the disk has another size'

step several sessions
iscsiadm -m session -r 1 -o new
iscsiadm -m session -r 1 -o new
[ "$(iscsiadm -m session | wc -l)" -eq 3 ] || fail 'there are not three sessions'
log_out 10.0.2.2
expect_status 21 iscsiadm -m session

step an absent target
iscsiadm -m node -T iqn.2026-11.example:absent -p 10.0.2.2:$PORT -o new
started=$(cut -d. -f1 /proc/uptime)
expect_status 19 iscsiadm -m node -T iqn.2026-11.example:absent -p 10.0.2.2:$PORT --login
[ $(($(cut -d. -f1 /proc/uptime) - started)) -lt 20 ] || fail 'the initiator tried again and again'
`,
    })
  },
}
