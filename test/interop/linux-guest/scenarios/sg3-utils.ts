/**
 * Whatever sg3-utils ask of a disk and of its settings: each page, list and status is decoded without a complaint, each
 * setting is changed and back, and what a disk does not do is refused with the right sense.
 */

import type { Scenario } from '../scenario.ts'
import { SG_FUNCTIONS } from '../sg3-utils.ts'

export const scenario: Scenario = {
  title: 'sg3-utils decode every page, list and status without a complaint, and see refused what is not there',
  isFast: false,
  async run(lab) {
    const server = await lab.startServer({ directory: lab.directory, args: ['a.img', 'b.img', '--size', '64M'] })
    const script = [SG_FUNCTIONS, CONTROLS, PAGES, LISTS, SETTINGS, STATES, RESERVATIONS, REFUSALS].join('\n')
    await lab.runGuest({ server, script, timeLimitSeconds: 300 })
  },
}

/** What would have to be noticed is noticed: a designator beyond its page, one of a reserved type, and a refusal. */
const CONTROLS = `
node_record 10.0.2.2
log_in 10.0.2.2
device=$(disk 0)
lun=$(sg_node "$device")

step 'complaints are noticed'
echo '00 83 00 08 01 03 00 20 50 00 00 00' >/tmp/too-long
echo '00 83 00 08 01 0f 00 04 50 00 00 00' >/tmp/of-no-type
for page in too-long of-no-type; do
  sg_vpd --page=di --inhex="/tmp/$page" >/tmp/said 2>&1 || :
  complaints || fail "nobody noticed what is wrong with the page $page: $(cat /tmp/said)"
done
if (decodes sg_vpd --page=0xb6 "$lun") >/dev/null; then fail 'nobody noticed that there is no such page'; fi
echo 'Supported pages' >/tmp/said
! complaints || fail 'a good word is taken for a complaint'
`

const PAGES = `
step 'INQUIRY and vital product data'
decodes sg_inq "$lun"
says 'Vendor identification: LUNETTE'
decodes sg_inq --only --descriptors "$lun"
says 'Version descriptors'
! grep -q 'no version descriptors' /tmp/said || fail 'the version descriptors have no names'
decodes sg_inq --vpd "$lun"
decodes sg_inq --export "$lun"
decodes sg_inq --id "$lun"
decodes sg_vpd "$lun"
decodes sg_vpd --all "$lun"
vpd_pages=$(sg_vpd --page=sv --raw "$lun" | od -An -v -tx1 -j4)
[ "$(echo $vpd_pages | wc -w)" -ge 11 ] || fail "there are only the pages $vpd_pages"
for page in $vpd_pages; do decodes sg_vpd --long --page="0x$page" "$lun"; done
for page in sn di ei mpp sp po bl bdc; do decodes sg_inq --page="$page" "$lun"; done
for designators in di_lu di_port di_target; do decodes sg_vpd --page="$designators" "$lun"; done

step 'mode pages'
for control in 0 1 2 3; do
  decodes sg_modes --all --control="$control" "$lun"
  decodes sg_modes --all --all --control="$control" "$lun"
done
decodes sg_modes --six --all "$lun"
decodes sg_modes --all --llbaa "$lun"
for page in 1 2 8 0xa 0xa,1 0x1a 0x1c 0x1c,2; do
  decodes sg_modes --page="$page" "$lun"
  says 'page_control: current'
done
decodes sginfo -a "$lun"

step 'log pages'
decodes sg_logs --list "$lun"
decodes sg_logs --all --all "$lun"
log_pages=$(sg_logs --page=0 --raw "$lun" | od -An -v -tx1 -j4)
[ "$(echo $log_pages | wc -w)" -ge 12 ] || fail "there are only the pages $log_pages"
for page in $log_pages; do
  decodes sg_logs --page="0x$page" "$lun"
  says "\\\\[0x\${page#0}\\\\]"
done
decodes sg_logs --page=0,0xff "$lun"
decodes sg_logs --page=0x19 "$lun"
says 'number of read commands = [1-9]'
decodes sg_logs --reset "$lun"

step 'diagnostics'
decodes sg_senddiag --list "$lun"
for test in 1 2 5 6; do decodes sg_senddiag --selftest="$test" "$lun"; done
decodes sg_senddiag --test "$lun"
decodes sg_logs --page=0x10 "$lun"
for test in 'background short' 'background extended' 'foreground short' 'foreground extended'; do
  says "self-test code: $test"
done
[ "$(grep -c 'completed without error' /tmp/said)" -ge 4 ] || fail "$(cat /tmp/said)"
`

const LISTS = `
step 'operation codes and task management functions'
for format in '' --alpha --rctd --mask '--mask --rctd'; do
  decodes sg_opcodes $format "$lun"
  says 'Compare and write'
  says 'Write atomic\\(16\\)'
done
for action in 0x9 0xa 0xb 0xc 0xd 0x12; do
  decodes sg_opcodes --opcode="0x7f,$action" --rctd "$lun"
  says 'Command is supported .conforming to SCSI standard'
done
refuses 0 'Command is NOT supported' sg_opcodes --opcode=0x7e "$lun"
decodes sg_opcodes --tmf --repd "$lun"
for function in 'Abort task' 'Abort task set' 'Clear ACA' 'Clear task set' 'Logical unit reset' 'Query task'; do
  says "^ *$function\\$"
done

step 'logical units, capacity, elements of the defect list'
decodes sg_luns --decode "$lun"
says 'Peripheral device addressing: lun=1'
for select in 0 1 2; do decodes sg_luns --select="$select" "$lun"; done
decodes sg_readcap "$lun"
decodes sg_readcap --long "$lun"
says 'lbpme=1, lbprz=1'
says 'Device size: 67108864 bytes'
for variant in --16 --32; do
  decodes sg_get_lba_status "$variant" "$lun"
  says 'LBA: 0x0000000000000000  blocks: +131072  deallocated'
done
decodes sg_reassign --grown "$lun"
says 'Elements in grown defect list: 0'
decodes sg_scan
decodes sg_map

step 'target port groups'
decodes sg_rtpg --decode "$lun"
says 'active/optimized'
decodes sg_rtpg --decode --extended "$lun"
says 'Implicit transition time'
decodes sg_stpg --tp=1 --active "$lun"
decodes sg_rtpg --decode "$lun"
says 'active/non optimized'
decodes sg_stpg --tp=1 --optimized "$lun"

step 'third-party copy'
decodes sg_copy_results --params "$lun"
says 'Segment descriptor 0x02'
decodes ddptctl --info "$lun"
decodes ddptctl --all_toks "$lun"
`

const SETTINGS = `
step 'identifying information and timestamp'
echo 'a disk of ours' | sg_ident --set "$lun"
decodes sg_ident --ascii "$lun"
says '^a disk of ours'
decodes sg_ident --itype=127 "$lun"
decodes sg_ident --clear "$lun"
decodes sg_timestamp --origin "$lun"
decodes sg_timestamp --seconds=1000000000 "$lun"
decodes sg_timestamp --origin "$lun"
says 'SET TIMESTAMP'
says '^1000000[0-9]{6}$'

# write_control BYTE VALUE MASK: change bits of a byte of the Control mode page.
write_control() {
  contents=8a,0a
  mask=0,0
  for byte in 2 3 4 5 6 7 8 9 10 11; do
    if [ "$byte" -eq "$1" ]; then
      contents=$contents,$2
      mask=$mask,$3
    else
      contents=$contents,0
      mask=$mask,0
    fi
  done
  decodes sg_wr_mode --page=0xa --contents="$contents" --mask="$mask" "$lun"
}

# write_cache WCE: the only field of the Caching mode page that is not zero.
write_cache() {
  decodes sg_wr_mode --page=8 --contents="88,12,$1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0" "$lun"
  decodes sginfo -c "$lun"
}

step 'mode parameters: the write cache, write protection, descriptor format sense'
write_cache 0
says 'Write Cache Enabled +0'
write_cache 4
says 'Write Cache Enabled +1'
write_control 4 8 8
refuses 7 'Data protect' sg_write_same --lba=0 --num=1 "$lun"
write_control 4 0 8
decodes sg_write_same --lba=0 --num=1 "$lun"
write_control 2 4 4
refuses $ILLEGAL_REQUEST 'Descriptor format, current; Sense key: Illegal Request' sg_luns -v --select=0x7f "$lun"
write_control 2 0 4
refuses $ILLEGAL_REQUEST 'Fixed format, current; Sense key: Illegal Request' sg_luns -v --select=0x7f "$lun"
`

const STATES = `
step 'readiness, power conditions, medium removal'
decodes sg_turs --num=20 --time "$lun"
says 'with 0 errors'
decodes sg_requests "$lun"
says 'No additional sense'
decodes sg_requests --desc "$lun"
says 'Descriptor format'
for condition in 'idle_a 2 0' 'idle_b 2 1' 'idle_c 2 2' 'standby_z 3 0' 'standby_y 3 1'; do
  set -- $condition
  decodes sg_start --pc="$2" --mod="$3" "$lun"
  decodes sg_requests "$lun"
  says '(Idle|Standby)(_[a-z])? condition activated by command'
  decodes sg_start --pc=1 "$lun"
  decodes sg_logs --page=0x1a "$lun"
  says "transitions to $1 = 1"
done
decodes sg_start --stop "$lun"
decodes sg_start --start "$lun"
decodes sg_logs --page=0xe "$lun"
says 'start-stop cycles = 1'
decodes sg_prevent "$lun"
decodes sg_prevent --allow "$lun"
decodes sg_sync "$lun"
decodes sg_sync --16 --immed "$lun"

step 'buffers'
head -c 512 /dev/urandom >/tmp/echo
decodes sg_test_rwbuf --size=4096 --times=5 "$lun"
decodes sg_write_buffer --mode=0xa --in=/tmp/echo "$lun"
decodes sg_raw --request=512 --outfile=/tmp/echoed "$lun" 3c 0a 00 00 00 00 00 02 00 00
cmp /tmp/echo /tmp/echoed
decodes sg_rbuf --size=8192 --buffer=4096 "$lun"

step 'a reset and what is said of it'
decodes sg_reset --device "$lun"
refuses 6 'Bus device reset function occurred' sg_turs "$lun"
decodes sg_turs "$lun"
decodes sg_reset --target "$lun"
refuses 6 'Bus device reset function occurred' sg_turs "$lun"
`

const RESERVATIONS = `
step 'persistent reservations of each type'
reserve_out() { decodes sg_persist --no-inquiry --out "$@" "$lun"; }
for ask in --read-keys --read-reservation --report-capabilities --read-full-status; do decodes sg_persist --in $ask "$lun"; done
reserve_out --register --param-sark=0x1
type_of_name() {
  case $1 in
    1) echo 'Write Exclusive$' ;;
    3) echo 'Exclusive Access$' ;;
    5) echo 'Write Exclusive, registrants only' ;;
    6) echo 'Exclusive Access, registrants only' ;;
    7) echo 'Write Exclusive, all registrants' ;;
    8) echo 'Exclusive Access, all registrants' ;;
  esac
}
for type in 1 3 5 6 7 8; do
  reserve_out --reserve --param-rk=0x1 --prout-type="$type"
  decodes sg_persist --in --read-reservation "$lun"
  says "type: $(type_of_name "$type")"
  decodes sg_persist --in --read-full-status "$lun"
  says 'iSCSI .*iqn.2026-11.example:guest'
  reserve_out --release --param-rk=0x1 --prout-type="$type"
done
reserve_out --register-ignore --param-sark=0x2
refuses 24 'reservation conflict|Reservation conflict' sg_persist --out --reserve --param-rk=0x1 --prout-type=5 "$lun"
reserve_out --clear --param-rk=0x2
decodes sg_persist --in --read-keys "$lun"
says 'there are NO registered reservation keys'
`

/** Commands of other devices and fields that a disk of ours does not have. */
const REFUSALS = `
step 'what is not there is refused'
refuses_command() { refuses $INVALID_OPERATION_CODE 'Invalid opcode|not supported' "$@"; }
refuses_command sg_read_attr "$lun"
refuses_command sg_read_block_limits "$lun"
refuses_command sg_seek "$lun"
refuses_command sg_rep_zones "$lun"
refuses_command sg_rmsn "$lun"
refuses_command sg_read_long --lba=0 "$lun"
refuses_command sg_sat_identify "$lun"
refuses_command sg_reassign --address=5 "$lun"
refuses_field() { refuses $ILLEGAL_REQUEST "$INVALID_FIELD|bad field in cdb" "$@"; }
refuses_field sg_referrals -vv "$lun"
refuses_field sg_rep_pip -vv "$lun"
refuses_field sg_stream_ctl -vv --get "$lun"
refuses_field sg_bg_ctl -vv "$lun"
refuses_field sg_get_elem_status -vv "$lun"
refuses_field sg_vpd -vv --force --page=0xb6 "$lun"
refuses_field sg_modes -vv --page=7 "$lun"
refuses_field sg_logs -vv --page=0x11 "$lun"
refuses_field sg_write_buffer -vv --mode=5 --in=/tmp/echo "$lun"
refuses_field sg_start -vv --eject "$lun"
refuses_field sg_copy_results -vv --failed --list_id=77 "$lun"
refuses_field sg_copy_results -vv --status --list_id=77 "$lun"
refuses_field sg_senddiag -vv --selftest=4 "$lun"
log_out 10.0.2.2
echo "$commands_judged commands decoded without a complaint"
`
