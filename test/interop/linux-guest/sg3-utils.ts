/**
 * Shell functions for scenarios in which sg3-utils judge: a command must succeed without a word of complaint about what
 * it decodes, or be refused with the sense that is right. Prepend them to a scenario's script.
 */

export const SG_FUNCTIONS = `
# The words with which these tools tell that they do not understand what they were given.
COMPLAINTS='unknown|unrecogni[sz]ed|unexpected|reserved|bad|invalid|illegal|malformed|corrupt|truncated|wrong|strange'
COMPLAINTS="$COMPLAINTS|missing|mismatch|too (short|small|long|large|big)|longer than|shorter than|failed|unable|cannot"
COMPLAINTS="$COMPLAINTS|not (known|decoded|understood|permitted|expected)|only hex|page error|vpd .*error|fetch.*error"

# complaints: the lines of /tmp/said that complain.
complaints() { grep -Eiw "$COMPLAINTS" /tmp/said; }

# decodes COMMAND...: it succeeds and does not complain; what it prints stays in /tmp/said.
decodes() {
  commands_judged=$((commands_judged + 1))
  "$@" </dev/null >/tmp/said 2>&1 || fail "status $? of $*: $(cat /tmp/said)"
  ! complaints >/tmp/complaints || fail "$* complains: $(cat /tmp/complaints) in $(cat /tmp/said)"
}
commands_judged=0

# says PATTERN: the last command printed that.
says() { grep -Eq -- "$1" /tmp/said || fail "no '$1' in: $(cat /tmp/said)"; }

# refuses STATUS PATTERN COMMAND...: it ends with this status and prints that.
refuses() {
  wanted=$1
  sense=$2
  shift 2
  status=0
  "$@" </dev/null >/tmp/said 2>&1 || status=$?
  [ "$status" -eq "$wanted" ] || fail "status $status instead of $wanted: $*: $(cat /tmp/said)"
  says "$sense"
}

# sg_node DEVICE: the generic node of a disk. Closing it does not make udev read the disk again, as its own node does.
sg_node() { echo "/dev/$(ls "/sys/block/\${1##*/}/device/scsi_generic")"; }

# The sense of refusals, and the exit codes that these tools have for it.
ILLEGAL_REQUEST=5
INVALID_OPERATION_CODE=9
MISCOMPARE=14
INVALID_FIELD='Invalid field in cdb'
`
