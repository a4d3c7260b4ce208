/**
 * What a person reads when the server has started: where, what, how safe, and the commands that connect. Pure: the same
 * facts give the same text. Four kinds of lines are for machines and keep their form: `listening on ADDRESS:PORT`, one a
 * portal, `listening with TLS on ADDRESS:PORT`, `api on URL`, and `target NAME`.
 */

import { isLoopback } from '../../protocol/ip-addresses.ts'
import type { Redirection } from '../../protocol/target-directory.ts'
import type { Endpoint } from '../server-options.ts'
import { formatSize } from '../size.ts'
import type { ChapRequest } from './chap-request.ts'
import { type ConnectFacts, libiscsiCommands, openIscsiCommands, windowsCommands } from './connect-commands.ts'
import { formatEndpoint } from './listen-address.ts'
import type { TlsRequest } from './tls-request.ts'

export interface AnnouncedDisk {
  readonly path: string
  readonly sizeBytes: number
  readonly blockLengthBytes: number
  readonly readOnly: boolean
  readonly isNew: boolean
}

export interface AnnouncedServer {
  readonly endpoints: readonly Endpoint[]
  readonly targetName: string
  /** Of the management API; null when there is none. */
  readonly apiUrl: string | null
  /** In the order of their LUNs, from 0. */
  readonly disks: readonly AnnouncedDisk[]
  /** Those who may log in; none without CHAP. */
  readonly chapUsers: readonly ChapRequest[]
  readonly mutualChap: ChapRequest | null
  readonly redirection: Redirection | null
  readonly tls: { readonly endpoints: readonly Endpoint[]; readonly request: TlsRequest } | null
  /** An address of this machine that others may use, for portals that listen on all addresses. */
  readonly reachableHost: (wildcard: string) => string
}

/** The text for standard output, ending in a new line. */
export function announce(server: AnnouncedServer): string {
  const { targetName, apiUrl } = server
  const sections = [
    [...listeningLines(server), ...(apiUrl === null ? [] : [`api on ${apiUrl}`]), `target ${targetName}`],
    [...describeDisks(server.disks), ...describeProtection(server), ...describeRedirection(server)],
    ...(server.endpoints.length === 0 ? [] : connectSections(connectFacts(server))),
    ...tlsSections(server),
    ['Stop with Ctrl-C or SIGTERM: what runs is finished and everything is written to disk.'],
  ]
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

/** Those that were made through the API are many and change: they have a command of their own. */
function describeDisks(disks: readonly AnnouncedDisk[]): string[] {
  return disks.length === 0 ? ['Serving the disks that lunette lun list shows.'] : disks.flatMap(describeDisk)
}

function listeningLines({ endpoints, tls }: AnnouncedServer): string[] {
  return [
    ...endpoints.map((endpoint) => `listening on ${formatEndpoint(endpoint)}`),
    ...(tls?.endpoints ?? []).map((endpoint) => `listening with TLS on ${formatEndpoint(endpoint)}`),
  ]
}

function connectSections(facts: ConnectFacts): string[][] {
  return [
    ['Connect from Linux with open-iscsi, as root:', ...indent(openIscsiCommands(facts))],
    ['Connect from Windows, in PowerShell as administrator:', ...indent(windowsCommands(facts))],
    ['Look at it with libiscsi:', ...indent(libiscsiCommands(facts))],
  ]
}

/** Initiators speak no TLS, so its way begins with a tunnel, which prints the rest. */
function tlsSections({ tls, reachableHost }: AnnouncedServer): string[][] {
  if (tls === null) return []
  const { host, port } = tls.endpoints[0] as Endpoint
  const certificate = tls.request.clientCaFile === null ? '' : ' --certificate initiator.crt --key initiator.key'
  const command = `lunette tunnel --connect ${formatEndpoint({ host: reachableHost(host), port })} --ca ca.crt${certificate}`
  return [['Connect through TLS, beginning on the machine of the initiator:', ...indent([command])]]
}

const indent = (lines: readonly string[]) => lines.map((line) => `  ${line}`)

function describeDisk(disk: AnnouncedDisk, lun: number): string[] {
  const access = disk.readOnly ? 'read only' : 'read and write'
  const origin = disk.isNew ? ', made just now' : ''
  return [
    `LUN ${lun}: ${formatSize(disk.sizeBytes)}, ${disk.blockLengthBytes}-byte blocks, ${access}${origin}: ${disk.path}`,
  ]
}

function describeProtection({ chapUsers, mutualChap, endpoints, tls }: AnnouncedServer): string[] {
  const isOpen = (places: readonly Endpoint[]) => places.some(({ host }) => !isLoopback(host))
  const tlsEndpoints = tls?.endpoints ?? []
  const isForOthers = isOpen([...endpoints, ...tlsEndpoints])
  const opener = endpoints.length === 0 ? '--tls-listen' : '--listen'
  const reach = isForOthers ? [] : [`Only programs on this machine can connect; ${opener} opens it to others.`]
  const demandsCertificates = tls !== null && tls.request.clientCaFile !== null
  const certificates = demandsCertificates
    ? ['Through TLS, initiators show a certificate and log in under an iSCSI name that it carries.']
    : []
  if (chapUsers.length > 0) {
    const users = chapUsers.map(({ user }) => `"${user}"`).join(' or ')
    const mutual = mutualChap === null ? '' : `; the target proves itself as "${mutualChap.user}"`
    return [`Authentication: CHAP, initiators log in as ${users}${mutual}.`, ...certificates, ...reach]
  }
  if (endpoints.length === 0 && demandsCertificates) return ['Authentication: certificates.', ...certificates, ...reach]
  const isOpenToOthers = isOpen(demandsCertificates ? endpoints : [...endpoints, ...tlsEndpoints])
  const warning = isOpenToOthers ? ' Everybody who reaches these addresses can read and change the disks.' : ''
  return [`Authentication: none.${warning}`, ...certificates, ...reach]
}

function describeRedirection({ redirection }: AnnouncedServer): string[] {
  if (redirection === null) return []
  const manner = redirection.isPermanent ? 'for good' : 'for the time being'
  return [
    `Initiators that log in are sent elsewhere, ${manner}: ${redirection.addresses.map(formatEndpoint).join(', ')}.`,
  ]
}

/** The commands name one portal and one user: the first, at an address that can be connected to. */
function connectFacts(server: AnnouncedServer): ConnectFacts {
  const { endpoints, targetName, reachableHost, disks, chapUsers, mutualChap } = server
  const { host, port } = endpoints[0] as Endpoint
  const [chap = null] = chapUsers
  return { targetName, mutualChap, chap, portal: { host: reachableHost(host), port }, lunCount: disks.length }
}
