/**
 * Asymmetric access: paths are grouped by the states of their portal groups, and the load follows these, whoever changes
 * them: the kernel when a path dies, an administrator, the server's command line.
 */

import { PATH_FUNCTIONS } from '../multipath.ts'
import type { Scenario } from '../scenario.ts'
import { VERIFIED_LOAD } from '../verified-load.ts'

export const scenario: Scenario = {
  title: 'multipathd groups paths by their access states, and verified load follows every change of these',
  isFast: false,
  async run(lab) {
    const states = ['1=optimized', '2=non-optimized'].flatMap((state) => ['--portal-group-state', state])
    const server = await lab.startServer({
      directory: lab.directory,
      args: ['--size', '64M', '--listen', '127.0.0.1:0,2', ...states],
    })
    const ports = [...server.output().matchAll(/^listening on .+:(\d+)$/gm)].map(([, port]) => port!)
    await lab.runGuest({
      server,
      environment: { PORT_OF_GROUP_2: ports[0]!, PORT_OF_GROUP_1: ports[1]! },
      networkCount: 2,
      script: [VERIFIED_LOAD, PATH_FUNCTIONS, SCRIPT].join('\n'),
      timeLimitSeconds: 400,
    })
  },
}

const SCRIPT = `
# connect PORT ADDRESS: a path, which is noticed soon when it dies.
connect() {
  PORT=$1
  node_record "$2" node.session.timeo.replacement_timeout 5 \\
    'node.conn[0].timeo.noop_out_interval' 2 'node.conn[0].timeo.noop_out_timeout' 2
  log_in "$2"
}

# await_priorities PRIORITY...: multipathd has groups of these priorities, the highest first here, and no other.
await_priorities() {
  tries=0
  until [ "$(multipath -ll "$WWID" | sed -n 's/.* prio=\\([0-9]*\\) .*/\\1/p' | sort -rn | xargs)" = "$*" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 120 ] || fail "not the priorities $*: $(multipath -ll "$WWID")"
    sleep 0.5
  done
  echo "priorities $*"
}

# states: what the server says of its groups, a line each.
states() {
  sg_rtpg --decode "$second" | grep -i 'asymmetric access state'
}

# await_load_on DEVICE: the load's writes go there.
await_load_on() {
  written=$(awk '{ print $7 }' "/sys/class/block/\${1##*/}/stat")
  tries=0
  until [ "$(awk '{ print $7 }' "/sys/class/block/\${1##*/}/stat")" -ge $((written + 2048)) ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || fail "no load on $1: $(multipath -ll "$WWID") $(states)"
    sleep 0.1
  done
}

configure group_by_prio 'prio alua
    hardware_handler "1 alua"
    failback immediate'
multipathd
connect "$PORT_OF_GROUP_1" 10.0.2.2
connect "$PORT_OF_GROUP_2" 10.0.3.2
PORT=$PORT_OF_GROUP_1
first=$(disk 0 10.0.2.2)
PORT=$PORT_OF_GROUP_2
second=$(disk 0 10.0.3.2)
WWID=$(udevadm info --query=property --property=ID_SERIAL --value "$first")

step 'the states of the command line'
await_paths 2
await_priorities 50 10
states
start_load "/dev/mapper/$WWID"
await_load_on "$first"

step 'the path of the optimized group dies, and the kernel makes the other one optimized'
card=$(ip -o route get 10.0.2.2 | sed 's/.* dev \\([^ ]*\\).*/\\1/')
ip link set "$card" down
await_paths 1
await_load_on "$second"
await_passes 1
ip link set "$card" up
await_paths 2
await_priorities 50
states

step 'an administrator makes the groups differ again'
sg_stpg --active --tp=2 "$first"
multipathd reconfigure
await_priorities 50 10
await_paths 2
await_load_on "$first"

step 'an administrator takes a group away under load'
sg_stpg --standby --tp=1 "$second"
await_priorities 50 1
await_load_on "$second"
await_passes 1
states

step 'and gives the load to it'
sg_stpg --state=0,1 --tp=1,2 "$second"
await_priorities 50 10
await_load_on "$first"
await_passes 1

step 'the group under load becomes unavailable'
await_writes
sg_stpg --unavailable --tp=1 "$second"
await_paths 1
await_load_on "$second"
await_passes 1

step 'and its portal is gone while it becomes active again, until it returns'
ip link set "$card" down
sg_stpg --state=1,0 --tp=1,2 "$second"
await_writes
await_load_on "$second"
await_passes 1
ip link set "$card" up
await_paths 2
# Failing back, the kernel may have made both optimized.
sg_stpg --state=0,1 --tp=1,2 "$second"
multipathd reconfigure
await_priorities 50 10
await_paths 2
await_load_on "$first"
await_passes 1

step 'the idle group is unavailable, and returns'
sg_stpg --unavailable --tp=2 "$first"
await_passes 1
sg_stpg --active --tp=2 "$second"
await_paths 2
await_priorities 50 10
await_load_on "$first"
end_load
states
`
