# What scenarios say in the guest. Sourced before each script; the script runs with -eu.

# fail MESSAGE: end the scenario.
fail() {
  echo "FAILED: $*"
  exit 1
}

# step MESSAGE: tell where the scenario is.
step() {
  echo "--- $*"
}

# host NAME: have the host do what the scenario calls NAME; prints what it answers. The static wget crashes with -T.
host() {
  busybox wget -q -O - "http://10.0.2.2:$HOST_PORT/$1" || fail "the host could not do $1"
}

# node_record ADDRESS [KEY VALUE]...: a static record of $TARGET at ADDRESS, since discovery announces the host's own
# loopback, which is somebody else's here.
node_record() {
  address=$1
  shift
  iscsiadm -m node -T "$TARGET" -p "$address:$PORT" -o new >/dev/null
  while [ $# -gt 0 ]; do
    iscsiadm -m node -T "$TARGET" -p "$address:$PORT" -o update -n "$1" -v "$2"
    shift 2
  done
}

# log_in ADDRESS, log_out ADDRESS: of a record that exists.
log_in() {
  iscsiadm -m node -T "$TARGET" -p "$1:$PORT" --login
  udevadm settle
}
log_out() {
  iscsiadm -m node -T "$TARGET" -p "$1:$PORT" --logout
  udevadm settle
}

# disk [LUN [ADDRESS]]: waits for the block device of a LUN and prints its path.
disk() {
  path="/dev/disk/by-path/ip-${2:-10.0.2.2}:$PORT-iscsi-$TARGET-lun-${1:-0}"
  tries=0
  until [ -b "$path" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || fail "there is no $path"
    sleep 0.1
  done
  readlink -f "$path"
}

# expect_status STATUS COMMAND...: the command must end with this status.
expect_status() {
  wanted=$1
  shift
  status=0
  "$@" || status=$?
  [ "$status" -eq "$wanted" ] || fail "status $status instead of $wanted: $*"
}
