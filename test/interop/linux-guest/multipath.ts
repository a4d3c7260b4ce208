/**
 * Two paths to one server: what a guest with multipathd says and checks in every scenario of that kind. A
 * network card is cut in the guest, which the server does not see: its session there falls silent.
 */

import type { Lab } from './lab.ts'
import { startRestartingServer } from './restarting-server.ts'
import { VERIFIED_LOAD } from './verified-load.ts'

/** Runs a script while fio writes and verifies the multipath device of LUN 0, whose paths begin in the group multibus. */
export async function runWithTwoPaths(lab: Lab, script: string, timeLimitSeconds: number): Promise<void> {
  const { server, actions } = await startRestartingServer(lab, ['--size', '64M'])
  await lab.runGuest({
    server,
    actions,
    networkCount: 2,
    script: [VERIFIED_LOAD, PATH_FUNCTIONS, PREPARE, script, FINISH].join('\n'),
    timeLimitSeconds,
  })
}

/** Shell functions about paths; the device's name is $WWID. They need the functions of `VERIFIED_LOAD`. */
export const PATH_FUNCTIONS = `
# configure POLICY [LINE]: how paths are grouped; multibus puts them all into one group, failover each into one of its
# own. LINE is what else the device's section has.
configure() {
  cat >/etc/multipath.conf <<CONFIGURATION
defaults {
  find_multipaths no
  user_friendly_names no
  polling_interval 2
  max_polling_interval 2
}
devices {
  device {
    vendor "LUNETTE"
    product "VIRTUAL-DISK"
    path_grouping_policy $1
    path_checker tur
    no_path_retry queue
    \${2:-}
  }
}
CONFIGURATION
}

# await_paths COUNT: so many of the two paths are usable, which multipathd finds out in its own time.
await_paths() {
  tries=0
  until [ "$(multipath -ll "$WWID" | grep -Ec 'active +ready +running')" -eq "$1" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 120 ] || fail "not $1 paths: $(multipath -ll "$WWID")"
    sleep 0.5
  done
  echo "$1 paths"
}

# regroup POLICY COUNT: another policy makes so many groups of the paths.
regroup() {
  step "paths in $1"
  configure "$1"
  multipathd reconfigure
  tries=0
  until [ "$(multipath -ll "$WWID" | grep -c 'policy=')" -eq "$2" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 120 ] || fail "not $2 groups: $(multipath -ll "$WWID")"
    sleep 0.5
  done
  await_paths 2
}

# lose_path ADDRESS: the network card on the way to ADDRESS is gone until the load has made its way without it.
lose_path() {
  step "the path to $1 dies and returns"
  card=$(ip -o route get "$1" | sed 's/.* dev \\([^ ]*\\).*/\\1/')
  await_writes
  ip link set "$card" down
  await_paths 1
  await_passes 1
  ip link set "$card" up
  await_paths 2
}

# lose_server COMMAND SECONDS: the host's COMMAND takes the server away; so much later it is there again.
lose_server() {
  step "$1, and $2 s later it starts again"
  await_writes
  host "$1"
  sleep "$2"
  host start_server
  await_passes 1
  await_paths 2
}

# wwid DEVICE: what multipathd knows a disk by.
wwid() {
  udevadm info --query=property --property=ID_SERIAL --value "$1"
}

`

const PREPARE = `
configure multibus
multipathd
for address in 10.0.2.2 10.0.3.2; do
  node_record $address node.session.timeo.replacement_timeout 5 \\
    'node.conn[0].timeo.noop_out_interval' 2 'node.conn[0].timeo.noop_out_timeout' 2
  log_in $address
done
first=$(disk 0 10.0.2.2)
second=$(disk 0 10.0.3.2)
WWID=$(wwid "$first")
[ -n "$WWID" ] && [ "$(wwid "$second")" = "$WWID" ] || fail "the paths have the names $WWID and $(wwid "$second")"
await_paths 2
start_load "/dev/mapper/$WWID"
`

const FINISH = `
end_load
await_paths 2
[ "$(iscsiadm -m session -P 1 | grep -c 'Connection State: LOGGED IN')" -eq 2 ] || fail "$(iscsiadm -m session -P 1)"
`
