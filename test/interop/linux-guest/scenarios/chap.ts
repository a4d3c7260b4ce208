/** CHAP as open-iscsi does it: who gets in, who does not, and with which hash. */

import { writeFileSync } from 'node:fs'
import { startRecordingRelay } from '../../../support/recording-relay.ts'
import type { ServerProcess } from '../../../support/server-process.ts'
import type { Lab } from '../lab.ts'
import type { Scenario } from '../scenario.ts'

const SECRETS = { user: 'initiator-secret', mutual: 'target-secret-1', wrong: 'some-other-words' }

/** open-iscsi's names of the hashes and their numbers on the wire (IANA's PPP authentication algorithms). */
const HASHES = [
  { name: 'MD5', number: 5 },
  { name: 'SHA1', number: 6 },
  { name: 'SHA256', number: 7 },
  { name: 'SHA3-256', number: 8 },
] as const

export const scenario: Scenario = {
  title: 'open-iscsi proves itself with CHAP, one-way and mutual, with every hash, and is kept out without',
  isFast: true,
  async run(lab) {
    const server = await lab.startServer({ args: ['--size', '64M', '--log-level', 'trace', ...chapArguments(lab)] })
    const open = await lab.startServer({ args: ['--size', '64M'] })
    await using relay = await startRecordingRelay(server.port)
    await lab.runGuest({
      server,
      environment: {
        SECRET: SECRETS.user,
        MUTUAL_SECRET: SECRETS.mutual,
        WRONG_SECRET: SECRETS.wrong,
        RELAY_PORT: relay.port,
        OPEN_PORT: open.port,
        OPEN_TARGET: open.targetName,
      },
      actions: {
        // What the target chose in the last exchange.
        chap_algorithm: async () => /.*\0CHAP_A=(\d+)\0/s.exec(relay.sentByTarget())?.[1] ?? 'none',
      },
      timeLimitSeconds: 400,
      script: [FUNCTIONS, ACCESS, HASH_CHECKS, DISCOVERY, WITHOUT_CHAP_AT_THE_TARGET].join('\n'),
    })
    checkLog(server)
  },
}

function chapArguments(lab: Lab): string[] {
  writeFileSync(lab.file('user.secret'), `${SECRETS.user}\n`, { mode: 0o600 })
  writeFileSync(lab.file('mutual.secret'), `${SECRETS.mutual}\n`, { mode: 0o600 })
  const oneWay = ['--chap-user', 'alice', '--chap-secret-file', lab.file('user.secret')]
  return [...oneWay, '--mutual-chap-user', 'lunette', '--mutual-chap-secret-file', lab.file('mutual.secret')]
}

/** Whoever reads the log learns who was refused and why, and no secret. */
function checkLog(server: ServerProcess): void {
  const log = server.output()
  for (const secret of Object.values(SECRETS)) {
    if (log.includes(secret)) throw new Error(`the log has the secret ${secret}`)
  }
  for (const words of ['"chapUser":"alice"', 'refused a login', 'does not match']) {
    if (!log.includes(words)) throw new Error(`the log does not have ${words}:\n${log}`)
  }
}

const FUNCTIONS = `
# new_record [KEY VALUE]...: forgets the settings that were made before.
new_record() {
  iscsiadm -m node -T "$TARGET" -p "10.0.2.2:$PORT" -o delete 2>/dev/null || :
  node_record 10.0.2.2 "$@"
}

# is_refused [KEY VALUE]...: the target does not let an initiator with these settings in.
is_refused() {
  new_record "$@"
  expect_status 24 iscsiadm -m node -T "$TARGET" -p "10.0.2.2:$PORT" --login
  expect_status 21 iscsiadm -m session
}

# refuses [KEY VALUE]...: an initiator with these settings does not believe the target.
refuses() {
  new_record "$@"
  expect_status 19 iscsiadm -m node -T "$TARGET" -p "10.0.2.2:$PORT" --login
  expect_status 21 iscsiadm -m session
}

# is_let_in [KEY VALUE]...
is_let_in() {
  new_record "$@"
  log_in 10.0.2.2
  [ "$(iscsiadm -m session | wc -l)" -eq 1 ] || fail 'there is not one session'
}

chap=node.session.auth
one_way="$chap.authmethod CHAP $chap.username alice $chap.password $SECRET"
mutual="$one_way $chap.username_in lunette $chap.password_in $MUTUAL_SECRET"
`

const ACCESS = `
step without CHAP
is_refused

step a wrong secret
is_refused $chap.authmethod CHAP $chap.username alice $chap.password "$WRONG_SECRET"

step a wrong user
is_refused $chap.authmethod CHAP $chap.username mallory $chap.password "$SECRET"

step one-way
new_record
iscsiadm -m node -T "$TARGET" -p 10.0.2.2:$PORT -o update -n node.session.auth.authmethod -v CHAP
iscsiadm -m node -T "$TARGET" -p 10.0.2.2:$PORT -o update -n node.session.auth.username -v alice
iscsiadm -m node -T "$TARGET" -p 10.0.2.2:$PORT -o update -n node.session.auth.password -v "$SECRET"
log_in 10.0.2.2
dd if="$(disk)" of=/dev/null bs=1M count=1 status=none
log_out 10.0.2.2

step one-way, a setting at a time
new_record
iscsiadm -m node -T "$TARGET" -p "10.0.2.2:$PORT" -o update -n node.session.auth.authmethod -v CHAP
iscsiadm -m node -T "$TARGET" -p "10.0.2.2:$PORT" -o update -n node.session.auth.username -v alice
iscsiadm -m node -T "$TARGET" -p "10.0.2.2:$PORT" -o update -n node.session.auth.password -v "$SECRET"
log_in 10.0.2.2
log_out 10.0.2.2

step mutual
is_let_in $mutual
dd if="$(disk)" of=/dev/null bs=1M count=1 status=none
log_out 10.0.2.2

step a wrong secret of the target
refuses $one_way $chap.username_in lunette $chap.password_in "$WRONG_SECRET"

step another name of the target
refuses $one_way $chap.username_in somebody $chap.password_in "$MUTUAL_SECRET"

step a wrong secret of the initiator with the right one of the target
is_refused $mutual $chap.password "$WRONG_SECRET"
`

/** Through the relay, which sees what is agreed upon, and without a look at the disk, which would fill its memory. */
const HASH_CHECKS = `
direct_port=$PORT
PORT=$RELAY_PORT
no_scan='node.session.scan manual'

# agrees_on NUMBER OFFER: mutual CHAP with the hashes that are offered; the target takes this one.
agrees_on() {
  is_let_in $mutual $no_scan $chap.chap_algs "$2"
  [ "$(host chap_algorithm)" -eq "$1" ] || fail 'another hash was taken'
  log_out 10.0.2.2
}
${HASHES.map(
  ({ name, number }) => `
step ${name}
agrees_on ${number} ${name}
is_refused $mutual $no_scan $chap.chap_algs ${name} $chap.password "$WRONG_SECRET"
`,
).join('')}
step the first of several hashes
agrees_on ${HASHES.at(-1)!.number} ${HASHES.map(({ name }) => name)
  .reverse()
  .join(',')}
PORT=$direct_port
`

const DISCOVERY = `
# discover STATUS [KEY VALUE]...: discovery with these settings ends like this.
discover() {
  wanted=$1
  shift
  discovery="iscsiadm -m discoverydb -t sendtargets -p 10.0.2.2:$PORT"
  $discovery -o delete 2>/dev/null || :
  $discovery -o new >/dev/null
  while [ $# -gt 0 ]; do
    $discovery -o update -n "discovery.sendtargets.auth.$1" -v "$2"
    shift 2
  done
  expect_status "$wanted" $discovery --discover -o nonpersistent >/tmp/found
}

step discovery with CHAP
discover 0 authmethod CHAP username alice password "$SECRET"
grep "127.0.0.1:$PORT,1 $TARGET" /tmp/found || fail 'the target was not discovered'

step mutual discovery
discover 0 authmethod CHAP username alice password "$SECRET" username_in lunette password_in "$MUTUAL_SECRET"
grep "127.0.0.1:$PORT,1 $TARGET" /tmp/found || fail 'the target was not discovered'

step discovery without CHAP, and with a wrong secret
discover 24
discover 24 authmethod CHAP username alice password "$WRONG_SECRET"
`

const WITHOUT_CHAP_AT_THE_TARGET = `
step an initiator that offers CHAP to a target that asks for none
TARGET=$OPEN_TARGET
PORT=$OPEN_PORT
is_let_in $one_way
log_out 10.0.2.2

step an initiator that wants proof from a target that has no secret
is_refused $mutual
`
