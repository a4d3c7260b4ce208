/** Two initiators of one guest share a disk by persistent reservations, as cluster managers do with sg_persist. */

import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  title: 'sg_persist registers, reserves, moves, preempts and fences a writer among two initiators',
  isFast: false,
  async run(lab) {
    const server = await lab.startServer({ args: ['--size', '64M'] })
    await lab.runGuest({ server, script: SCRIPT })
  },
}

const SCRIPT = `
OTHER_NAME=iqn.2026-11.example:other
node_record 10.0.2.2
log_in 10.0.2.2
one=$(disk)
iscsiadm -m iface -I other -o new
iscsiadm -m iface -I other -o update -n iface.initiatorname -v "$OTHER_NAME"
iscsiadm -m node -T "$TARGET" -p 10.0.2.2:$PORT -I other -o new >/dev/null
iscsiadm -m node -T "$TARGET" -p 10.0.2.2:$PORT -I other --login
udevadm settle
two=
for device in /dev/sd?; do [ "$device" = "$one" ] || two=$device; done
[ -n "$two" ] || fail 'there is no second path'

can_write() { dd if=/dev/zero of="$1" bs=4096 count=1 oflag=direct 2>/dev/null; }
reserve_out() { sg_persist --no-inquiry --out "$@"; }
expect_key() { sg_persist --no-inquiry --in --read-keys "$one" | grep -q "0x$1\\$" || fail "key $1 is not registered"; }
# The first command behind another initiator's change is told of it.
be_told() { sg_turs "$1" || true; }

step capabilities
sg_persist --no-inquiry --in --report-capabilities "$one"

step register and reserve
reserve_out --register --param-sark=0x1 "$one"
expect_key 1
reserve_out --reserve --param-rk=0x1 --prout-type=5 "$one"
sg_persist --no-inquiry --in --read-reservation "$two" | grep -q 'Write Exclusive, registrants only' || fail 'not reserved'
can_write "$one" || fail 'the holder cannot write'
can_write "$two" && fail 'a stranger can write'

step another registers
reserve_out --register --param-sark=0x2 --param-aptpl "$two"
expect_key 2
can_write "$two" || fail 'a registered initiator cannot write'
sg_persist --no-inquiry --in --read-full-status "$one" >/tmp/status
cat /tmp/status
grep -q "$OTHER_NAME" /tmp/status || fail 'the other initiator is not named'

step fence a writer
(while can_write "$two"; do :; done; touch /tmp/fenced) &
sleep 2
reserve_out --preempt-abort --param-rk=0x1 --param-sark=0x2 --prout-type=5 "$one"
tries=0
until [ -e /tmp/fenced ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 300 ] || fail 'the writer was not fenced'
  sleep 0.1
done
be_told "$two"
can_write "$two" && fail 'a preempted initiator can write'
can_write "$one" || fail 'the preemptor cannot write'

step register and move
id=$(sed -n 's/^.*iSCSI world wide unique port id: *//p' /tmp/status | grep "$OTHER_NAME")
[ -n "$id" ] || fail 'the port of the other initiator is not named'
reserve_out --register-move --param-rk=0x1 --param-sark=0x3 --relative-target-port=1 --transport-id="$id" "$one"
be_told "$two"
sg_persist --no-inquiry --in --read-reservation "$one" | grep -q 'Key=0x3' || fail 'the reservation was not moved'

step release and clear
reserve_out --release --param-rk=0x3 --prout-type=5 "$two"
be_told "$one"
reserve_out --clear --param-rk=0x1 "$one"
be_told "$two"
sg_persist --no-inquiry --in --read-keys "$one" | grep -q 'there are NO registered' || fail 'keys are left'
can_write "$two" || fail 'the other initiator cannot write'
`
