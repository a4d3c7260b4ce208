/** One path, no multipath: what an administrator interrupts, open-iscsi finds again by itself; I/O waits meanwhile. */

import { commandActions, MANAGED_FUNCTIONS, startManagedArray, targetNameOf, WEB01_SECRET } from '../managed-array.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  title: 'open-iscsi returns after lunette session end and when its only portal is online again, under verified load',
  isFast: false,
  async run(lab) {
    const array = await startManagedArray(lab)
    const [portal] = array.portals
    await array.run(
      `lunette portal create ${portal}`,
      'lunette target create web01',
      'lunette portal-group create web01',
      `lunette portal-group add web01,1 ${portal}`,
      'lunette target chap web01 set --initiator iqn.1993-08.org.debian:01:web01 --secret-file web01.secret',
      'lunette lun create data --size 64M --initiator iqn.1993-08.org.debian:01:web01',
      'lunette lun associate data web01',
    )
    const actions = commandActions(array, {
      end_session: ['lunette session end iqn.1993-08.org.debian:01:web01'],
      portal_offline: [`lunette portal offline ${portal}`],
      portal_online: [`lunette portal online ${portal}`],
    })
    await lab.runGuest({
      initiatorName: 'iqn.1993-08.org.debian:01:web01',
      environment: { SECRET: WEB01_SECRET, TARGET: await targetNameOf(array, 'web01'), PORT: array.ports[0] },
      actions: { ...actions, sessions: () => array.run('lunette session list --json') },
      script: [MANAGED_FUNCTIONS, SCRIPT].join('\n'),
      timeLimitSeconds: 300,
    })
  },
}

const SCRIPT = `
# session_id: of the only session, as the server counts them.
session_id() { host sessions | tr ',{' '\\n\\n' | sed -n 's/^ *"id": *"\\([0-9]*\\)".*/\\1/p'; }
is_another_session() { now=$(session_id); [ -n "$now" ] && [ "$now" != "$before" ]; }

connect "$PORT" 10.0.2.2 node.session.timeo.replacement_timeout 120
device=$(disk)
start_load raw "$device"
await_pass raw

step 'the session is ended'
before=$(session_id)
[ -n "$before" ] || fail 'there is no session'
host end_session
await 'the initiator comes back' is_another_session
await_pass raw

step 'the only portal is offline for 10 s'
before=$(session_id)
host portal_offline
sleep 10
[ -z "$(session_id)" ] || fail "there is a session: $(session_id)"
host portal_online
await 'the initiator comes back' is_another_session
await_pass raw
end_load raw

[ "$(iscsiadm -m session | wc -l)" -eq 1 ] || fail 'there is more than one session'
[ "$(disk)" = "$device" ] || fail "the disk came back as $(disk) instead of $device"
! dmesg | grep -E 'I/O error' || fail 'I/O failed'
log_out 10.0.2.2
`
