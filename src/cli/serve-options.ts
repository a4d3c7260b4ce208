/** What `lunette serve --help` says: the options of the command, in groups, in the words of its request; and its notes. */

import type { Command } from 'commander'
import { LOG_LEVELS } from '../log.ts'
import { formatSize, SIZE_FORMS } from '../size.ts'

import { API_LISTEN_DEFAULT } from './api-request.ts'

import { DATA_DIRECTORY_DEFAULT } from './client/server-location.ts'

import { formatEndpoint, LISTEN_DEFAULT } from './listen-address.ts'
import { PORTAL_GROUP_STATES } from './portal-group-request.ts'
import { DRAIN_TIMEOUT_MS } from './serve.ts'
import { TLS_PORT_DEFAULT, TLS_PORTAL_GROUP_TAG_DEFAULT } from './tls-request.ts'

/** What follows the options: examples, and what holds for several of them. */
export const SERVE_NOTES = `
Examples:
  lunette                                      the disk in ${DATA_DIRECTORY_DEFAULT}, made with 1 GiB at the first start
  lunette serve disk.img                       an existing file as LUN 0
  lunette serve a.img b.img --size 500G        LUN 0 and 1; those that do not exist are made, taking no space yet
  lunette serve installer.iso                  a CD or DVD to boot from
  lunette serve a.img --listen 192.168.1.5 --chap-user alice --chap-secret-file alice.secret
                                               for other machines, with a password
  lunette serve a.img --listen [::1]:3270 --listen 127.0.0.1:3270
                                               two portals
  lunette serve a.img --listen 10.0.1.5,1 --listen 10.0.2.5,2 --chap-user alice --chap-secret-file alice.secret
                                               two portal groups, for multipath
  lunette serve a.img --tls-listen 192.168.1.5 --tls-certificate server.crt --tls-key server.key --tls-client-ca ca.crt
                                               encrypted, for initiators with a certificate behind lunette tunnel

Options marked (*) may be given several times.
Sizes: ${SIZE_FORMS}.
An existing file is served with the size it has; it is never truncated, grown or overwritten at the start.
A secret file holds one line of 12 to 16 bytes (longer ones work, but not with Windows); a binary secret is written
as hex:... or base64:...

Exit codes:
  0    stopped in order: everything is written to disk
  1    could not start (file missing, in use or not permitted, port taken), failed while running, or did not end
       within ${DRAIN_TIMEOUT_MS / 1000} s of being asked to
  2    the command line is wrong
  130  ended at once by a second SIGINT; 143 by a second SIGTERM
`

/** Each option after those that one reads first; within a group, what needs another option follows it. */
export function addServeOptions(command: Command): Command {
  command
    .summary('serve disks (the default command)')
    .description('Serve each FILE as a disk: the first is LUN 0, the next LUN 1 and so on.')
    .argument('[FILE...]', `disk files (default: disk-0.img in the data directory, ${formatSize(1024 ** 3)})`)
  addDiskOptions(command)
  addPortalOptions(command)
  addAuthenticationOptions(command)
  addTlsOptions(command)
  addRedirectionOptions(command)
  addIsnsOptions(command)
  addApiOptions(command)
  return addGeneralOptions(command)
}

const collect = (value: string, previous: readonly string[] = []) => [...previous, value]

function addDiskOptions(command: Command): void {
  command
    .optionsGroup('Disks:')
    .option('--size <SIZE>', 'size of disks that are to be made, such as 10G; an existing FILE must have it')
    .option('--block-size <BYTES>', '512 or 4096 (default: what the disk had before, else 512)')
    .option(
      '--physical-block-size <BYTES>',
      'what hosts should write at a time: a power of two (default: the block size)',
    )
    .option('--read-only', 'refuse every write')
    .option('--cd', 'every FILE is the image of a CD or DVD (default: those named .iso that hold ISO 9660)')
    .option('--no-cd', 'no FILE is')
    .option('--removable', 'initiators may eject and load the medium of disks, as that of a CD always')
    .option('--data <DIR>', 'data directory: names, identities and the default disk', DATA_DIRECTORY_DEFAULT)
}

function addPortalOptions(command: Command): void {
  command
    .optionsGroup('Name and portals:')
    .option('--target-name <NAME>', 'iSCSI name of the target (default: one that was generated at the first start)')
    .option(
      '--listen <ADDRESS[:PORT][,TAG]>',
      `(*) where to listen, and in which portal group (default: ${formatEndpoint(LISTEN_DEFAULT)},${LISTEN_DEFAULT.portalGroupTag})`,
      collect,
    )
    .option(
      '--portal-group-state <TAG=STATE[,preferred]>',
      `(*) how the disks are reached through a portal group at first: ${PORTAL_GROUP_STATES.join(', ')} (default: ${PORTAL_GROUP_STATES[0]})`,
      collect,
    )
}

function addAuthenticationOptions(command: Command): void {
  command
    .optionsGroup('Who may log in (CHAP):')
    .option('--chap-user <NAME>', '(*) demand CHAP: initiators log in with this name', collect)
    .option(
      '--chap-secret-file <FILE>',
      '(*) the file with their secret: the first for the first user and so on',
      collect,
    )
    .option('--chap-initiator <USER=NAME>', '(*) let only the initiator with this iSCSI name log in as USER', collect)
    .option('--mutual-chap-user <NAME>', 'prove ourselves to initiators that ask, with this name')
    .option('--mutual-chap-secret-file <FILE>', 'the file with our secret')
    .option('--allow-short-secrets', 'accept CHAP secrets below 12 bytes, which who listens can try out')
    .option(
      '--allow-unauthenticated',
      'listen beyond this machine without CHAP or certificates: everybody there can change the disks',
    )
}

function addTlsOptions(command: Command): void {
  command
    .optionsGroup('TLS:')
    .option(
      '--tls-listen <ADDRESS[:PORT][,TAG]>',
      `(*) where to listen with TLS (port ${TLS_PORT_DEFAULT}, group ${TLS_PORTAL_GROUP_TAG_DEFAULT} unless said otherwise); without --listen nowhere else`,
      collect,
    )
    .option(
      '--tls-certificate <FILE>',
      'our certificate and those up to its authority, PEM; read again when it changes',
    )
    .option('--tls-key <FILE>', 'its private key')
    .option(
      '--tls-client-ca <FILE>',
      'demand certificates of these authorities, which carry the iSCSI name to log in with',
    )
}

function addRedirectionOptions(command: Command): void {
  command
    .optionsGroup('Redirection:')
    .option('--redirect <ADDRESS[:PORT]>', '(*) send initiators there when they log in', collect)
    .option('--redirect-permanently', 'tell them to remember that')
    .option('--redirect-before-authentication', 'tell everybody, not only those who have authenticated')
}

function addIsnsOptions(command: Command): void {
  command
    .optionsGroup('iSNS:')
    .option('--isns <HOST[:PORT]>', 'register the target with this iSNS server')
    .option('--isns-domains', 'let in only initiators that share a discovery domain of the iSNS server with the target')
    .option('--isns-port <PORT>', 'where the iSNS server reaches us with its messages (default: any free port)')
}

function addApiOptions(command: Command): void {
  command
    .optionsGroup('Management API:')
    .option('--api-listen <ADDRESS[:PORT]>', `where it listens (default: ${formatEndpoint(API_LISTEN_DEFAULT)})`)
    .option('--api-certificate <FILE>', 'speak HTTPS with this certificate (PEM); needed beyond this machine')
    .option('--api-key <FILE>', 'the private key of --api-certificate (PEM)')
    .option('--no-api', 'without it: lunette lun and the like do not reach this server')
}

function addGeneralOptions(command: Command): Command {
  return command
    .optionsGroup('Tuning, log and help:')
    .option('--limit <NAME=VALUE>', '(*) a bound of what initiators may take up; lunette limits lists them', collect)
    .option('--parameter <KEY=VALUE>', '(*) what to negotiate for; lunette limits lists the keys', collect)
    .option('--log-level <LEVEL>', `${LOG_LEVELS.join(', ')}; the log goes to standard error`, 'info')
    .helpOption('--help', 'print this help')
}
