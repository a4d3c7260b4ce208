/**
 * An array that starts with nothing and is managed as an administrator does it, with lines of `lunette`, while a guest
 * uses it. The guest reaches its two portals through a network card each.
 */

import { writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { resolve } from 'node:path'
import { runTool } from '../../support/run-tool.ts'
import type { ServerProcess } from '../../support/server-process.ts'
import type { HostActions } from './guest.ts'
import type { Lab } from './lab.ts'

const MAIN = resolve(import.meta.dirname, '../../../dist/src/main.js')

/** What `web01.secret` holds, which the commands name. */
export const WEB01_SECRET = '0123456789abcdef'

export interface ManagedArray {
  readonly server: ServerProcess
  /** Of two portals that are still to be made; those of the guest's first and second network card. */
  readonly ports: readonly [number, number]
  readonly portals: readonly [string, string]
  /** Runs lines of `lunette` in turn; gives what the last one printed. Errors: rejects with the first that fails. */
  run(...lines: readonly string[]): Promise<string>
}

/** Starts the server with its API in the lab's folder, where the commands find its token and the secrets. */
export async function startManagedArray(lab: Lab): Promise<ManagedArray> {
  const server = await lab.startServer({ directory: lab.directory, hasApi: true })
  writeFileSync(lab.file('web01.secret'), `${WEB01_SECRET}\n`, { mode: 0o600 })
  const ports = [await unusedPort(), await unusedPort()] as const
  const run = async (...lines: readonly string[]): Promise<string> => {
    let output = ''
    for (const line of lines) {
      lab.tell(`# ${line}`)
      const [, ...words] = line.split(' ')
      const env = { LUNETTE_SERVER: server.apiUrl }
      output = await runTool(process.execPath, [MAIN, ...words], { cwd: lab.directory, env })
    }
    return output.trim()
  }
  return { server, ports, portals: [`127.0.0.1:${ports[0]}`, `127.0.0.1:${ports[1]}`], run }
}

/** What the guest may have done with `host NAME`, as lines of `lunette`; it does not get what they print. */
export function commandActions(array: ManagedArray, lines: Readonly<Record<string, readonly string[]>>): HostActions {
  return Object.fromEntries(
    Object.entries(lines).map(([name, commands]) => [name, async () => void (await array.run(...commands))] as const),
  )
}

/** The iSCSI name that the server gave a target. */
export async function targetNameOf(array: ManagedArray, friendlyName: string): Promise<string> {
  const target: unknown = JSON.parse(await array.run(`lunette target show ${friendlyName} --json`))
  return (target as { readonly iscsiName: string }).iscsiName
}

/** One that the system picks: a portal that goes offline is to come back where it was. */
async function unusedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  await new Promise((closed) => server.close(closed))
  return port
}

/**
 * Shell functions for guests of such an array. Loads write files or disks and read them back, pass after pass with
 * other data, several at a time, each under a name of its own.
 */
export const MANAGED_FUNCTIONS = `
# connect PORT ADDRESS [KEY VALUE]...: log in to $TARGET there with CHAP.
connect() {
  PORT=$1
  shift
  node_record "$@"
  iscsiadm -m node -T "$TARGET" -p "$1:$PORT" -o update -n node.session.auth.authmethod -v CHAP
  iscsiadm -m node -T "$TARGET" -p "$1:$PORT" -o update -n node.session.auth.username -v iqn.1993-08.org.debian:01:web01
  iscsiadm -m node -T "$TARGET" -p "$1:$PORT" -o update -n node.session.auth.password -v "$SECRET"
  iscsiadm -m node -T "$TARGET" -p "$1:$PORT" --login
  udevadm settle
}

# start_load NAME FILE
start_load() {
  echo 0 >"/tmp/$1.passes"
  run_load "$1" "$2" &
  echo $! >"/tmp/$1.pid"
}

run_load() {
  pass=0
  until [ -e "/tmp/$1.ends" ]; do
    pass=$((pass + 1))
    fio --name="$1-$pass" --eta=never --filename="$2" --size=1M --rw=randwrite --bsrange=4k-64k --direct=1 \\
      --ioengine=libaio --iodepth=8 --randseed="$pass" --verify=crc32c --verify_fatal=1 >"/tmp/$1.log" 2>&1 || return 1
    echo "$pass" >"/tmp/$1.passes"
  done
}

# await_pass NAME...: each of these loads has begun and ended one more pass.
await_pass() {
  for load; do
    wanted=$(($(cat "/tmp/$load.passes") + 2))
    until [ "$(cat "/tmp/$load.passes")" -ge "$wanted" ]; do
      kill -0 "$(cat "/tmp/$load.pid")" || fail "the load $load: $(cat "/tmp/$load.log")"
      sleep 0.2
    done
  done
}

# end_load NAME...: no pass of these may have failed.
end_load() {
  for load; do touch "/tmp/$load.ends"; done
  for load; do
    wait "$(cat "/tmp/$load.pid")" || fail "the load $load: $(cat "/tmp/$load.log")"
    echo "$load: $(cat "/tmp/$load.passes") passes verified"
  done
}

# await WHAT COMMAND...: until it succeeds.
await() {
  what=$1
  shift
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ "$tries" -lt 240 ] || fail "not in time: $what"
    sleep 0.5
  done
}
`
