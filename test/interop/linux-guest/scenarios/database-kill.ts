/**
 * A database that commits while the server is killed. Two things are judged: the database in the guest, which goes on as
 * soon as the initiator has found the server again, and what the disk held at the moment of each kill, which is all that
 * a database would have if its host had crashed as well.
 */

import { copyFileSync } from 'node:fs'
import { startRestartingServer } from '../restarting-server.ts'
import type { Scenario } from '../scenario.ts'

const KILL_COUNT = 2
const DISK = 'disk.img'
const ARGUMENTS = ['--size', '96M']

export const scenario: Scenario = {
  title: 'SQLite keeps every committed row while the server is killed and started again',
  isFast: true,
  async run(lab) {
    const { server, actions, setArguments } = await startRestartingServer(lab, [DISK, ...ARGUMENTS])
    const crashes: string[] = []
    await lab.runGuest({
      server,
      environment: { KILL_COUNT },
      script: SCRIPT,
      actions: {
        ...actions,
        kill_server: async () => {
          await actions.kill_server?.()
          const crash = `crash-${crashes.length + 1}.img`
          copyFileSync(lab.file(DISK), lab.file(crash))
          crashes.push(crash)
        },
        restart_with_crashes: async () => {
          await actions.stop_server?.()
          setArguments([DISK, ...crashes, ...ARGUMENTS])
          await actions.start_server?.()
        },
      },
      timeLimitSeconds: 240,
    })
  },
}

const SCRIPT = `
JOURNAL_MODES='WAL DELETE'

# commit_rows MODE: one row a transaction; its number is told outside the disk as soon as it is committed.
commit_rows() {
  {
    echo "PRAGMA journal_mode=$1; PRAGMA synchronous=FULL;"
    echo 'CREATE TABLE rows(number INTEGER PRIMARY KEY, body BLOB);'
    number=0
    while :; do
      number=$((number + 1))
      echo "INSERT INTO rows VALUES($number, randomblob(2000));"
      echo ".shell echo $number >>/tmp/committed.$1"
    done
  } | sqlite3 -bail "/mnt/$1.db" >"/tmp/log.$1" 2>&1
}

committed() { tail -n 1 "/tmp/committed.$1"; }

# await_rows COUNT: as many more are committed in each database.
await_rows() {
  for mode in $JOURNAL_MODES; do
    wanted=$(($(committed "$mode") + $1))
    tries=0
    until [ "$(committed "$mode")" -ge "$wanted" ]; do
      tries=$((tries + 1))
      [ "$tries" -lt 900 ] || fail "no more rows after $(committed "$mode"): $(cat "/tmp/log.$mode")"
      sleep 0.1
    done
  done
}

# check_rows DIRECTORY MODE COUNT: the database is sound and has at least the first COUNT rows.
check_rows() {
  [ "$(sqlite3 "$1/$2.db" 'PRAGMA integrity_check')" = ok ] || fail "$2: the database is damaged"
  found=$(sqlite3 "$1/$2.db" 'SELECT count(*) FROM rows WHERE length(body) = 2000')
  last=$(sqlite3 "$1/$2.db" 'SELECT max(number) FROM rows')
  echo "$2: $3 rows were committed, $found are there"
  [ "$found" -eq "$last" ] && [ "$last" -ge "$3" ] || fail "$2: rows are missing: $found, the last one is $last"
}

node_record 10.0.2.2 node.session.timeo.replacement_timeout 120 \\
  'node.conn[0].timeo.noop_out_interval' 2 'node.conn[0].timeo.noop_out_timeout' 2
log_in 10.0.2.2
device=$(disk)
mkfs.ext4 -q "$device"
mount "$device" /mnt
for mode in $JOURNAL_MODES; do
  echo 0 >"/tmp/committed.$mode"
  commit_rows "$mode" &
done

for kill in $(seq "$KILL_COUNT"); do
  await_rows 20
  for mode in $JOURNAL_MODES; do
    committed "$mode" >"/tmp/at-kill-$kill.$mode"
  done
  step "kill $kill after $(cat "/tmp/at-kill-$kill.WAL") and $(cat "/tmp/at-kill-$kill.DELETE") rows"
  host kill_server
  sleep 1
  host start_server
done
await_rows 20

step 'the database also ends without a word'
kill -9 $(pidof sqlite3)
wait
for mode in $JOURNAL_MODES; do
  mode_used=$(head -n 1 "/tmp/log.$mode")
  [ "$mode_used" = "$(echo "$mode" | tr A-Z a-z)" ] || fail "$mode: the journal mode is $mode_used"
  check_rows /mnt "$mode" "$(committed "$mode")"
done

step 'after a new login'
umount /mnt
log_out 10.0.2.2
host restart_with_crashes
log_in 10.0.2.2
device=$(disk)
e2fsck -fn "$device"
mount "$device" /mnt
for mode in $JOURNAL_MODES; do
  check_rows /mnt "$mode" "$(committed "$mode")"
done
umount /mnt

for kill in $(seq "$KILL_COUNT"); do
  step "what the disk held at kill $kill"
  device=$(disk "$kill")
  mount "$device" /mnt
  for mode in $JOURNAL_MODES; do
    check_rows /mnt "$mode" "$(cat "/tmp/at-kill-$kill.$mode")"
  done
  umount /mnt
  e2fsck -fn "$device"
done
`
