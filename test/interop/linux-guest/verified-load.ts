/**
 * Shell functions for scenarios that take a server or a path away under load: fio writes random blocks and reads them
 * back, pass after pass, each with other data than the one before, so that a write that got lost, came late or went
 * elsewhere is noticed by the pass that made it. Prepend them to a scenario's script.
 */

export const VERIFIED_LOAD = `
# start_load DEVICE: passes over its first 32 MiB from now on, in the background.
start_load() {
  load_device=$(readlink -f "$1")
  rm -f /tmp/load-ends
  echo 0 >/tmp/passes
  run_load "$load_device" &
  load_pid=$!
}

run_load() {
  pass=0
  until [ -e /tmp/load-ends ]; do
    pass=$((pass + 1))
    fio --name="pass-$pass" --eta=never --filename="$1" --size=32M --rw=randwrite --bsrange=4k-256k --direct=1 \\
      --ioengine=libaio --iodepth=16 --randseed="$pass" --verify=crc32c --verify_fatal=1 >/tmp/load.log 2>&1 || return 1
    echo "$pass" >/tmp/passes
  done
}

# await_passes COUNT: the load has begun and ended that many more passes, the one under way not counted.
await_passes() {
  passes_wanted=$(($(cat /tmp/passes) + $1 + 1))
  until [ "$(cat /tmp/passes)" -ge "$passes_wanted" ]; do
    kill -0 "$load_pid" || fail "the load: $(cat /tmp/load.log)"
    sleep 0.2
  done
}

# await_writes: the load is amid its writes.
await_writes() {
  sectors_wanted=$(($(sectors_written) + 8192))
  until [ "$(sectors_written)" -ge "$sectors_wanted" ]; do
    kill -0 "$load_pid" || fail "the load: $(cat /tmp/load.log)"
    sleep 0.1
  done
}

sectors_written() { awk '{ print $7 }' "/sys/class/block/\${load_device##*/}/stat"; }

# end_load: lets the last pass end; no pass may have failed.
end_load() {
  touch /tmp/load-ends
  wait "$load_pid" || fail "the load: $(cat /tmp/load.log)"
  echo "$(cat /tmp/passes) passes verified"
}
`
