/** The initiator's own recovery, without multipath: I/O waits until the server is there again. */

import { startRestartingServer } from '../restarting-server.ts'
import type { Scenario } from '../scenario.ts'
import { VERIFIED_LOAD } from '../verified-load.ts'

export const scenario: Scenario = {
  title: 'open-iscsi finds a server again that restarted or was away for 15 s, under verified load on one path',
  isFast: false,
  async run(lab) {
    const { server, actions } = await startRestartingServer(lab, ['--size', '64M'])
    await lab.runGuest({ server, actions, script: [VERIFIED_LOAD, SCRIPT].join('\n'), timeLimitSeconds: 240 })
  },
}

const SCRIPT = `
node_record 10.0.2.2 node.session.timeo.replacement_timeout 120 \\
  'node.conn[0].timeo.noop_out_interval' 2 'node.conn[0].timeo.noop_out_timeout' 2
log_in 10.0.2.2
device=$(disk)
start_load "$device"

step 'a restart'
await_writes
host stop_server
host start_server
await_passes 1

step 'away for 15 s'
await_writes
host stop_server
sleep 15
host start_server
await_passes 1
end_load

[ "$(iscsiadm -m session | wc -l)" -eq 1 ] || fail 'there is more than one session'
[ "$(disk)" = "$device" ] || fail "the disk came back as $(disk) instead of $device"
`
