/**
 * Shell functions for scenarios that let fio judge: everything that is written carries a checksum each 512 bytes, so
 * that it can be read back in any other sizes. Prepend them to a scenario's script.
 */

export const FIO_FUNCTIONS = `
# quiet_fio OPTION...: prints the totals, or everything when fio found something wrong.
quiet_fio() {
  if fio --eta=never "$@" >/tmp/fio.log 2>&1; then
    grep -E '^ +(READ|WRITE):' /tmp/fio.log
  else
    cat /tmp/fio.log
    return 1
  fi
}

# read_back DEVICE SIZE: what fio wrote from the device's start up to SIZE is there, read in other sizes. fio reads whole
# blocks only, also at the end.
read_back() {
  [ $(($2 % 131072)) -eq 0 ] || fail "$2 bytes are not a multiple of 128 KiB"
  quiet_fio --name=read-back --filename="$1" --size="$2" --rw=read --bs=128k --ioengine=libaio --iodepth=8 --direct=1 \\
    --verify=crc32c --verify_interval=512 --verify_fatal=1
}
`
