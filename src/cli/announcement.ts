/**
 * What a person reads when the server has started: where, what, how safe, and the commands that connect. Pure: the same
 * facts give the same text. Two kinds of lines are for machines and keep their form: `listening on ADDRESS:PORT`, one a
 * portal, and `target NAME`.
 */

import type { Endpoint } from '../server-options.ts'
import { formatSize } from '../size.ts'
import { type ConnectFacts, libiscsiCommands, openIscsiCommands, windowsCommands } from './connect-commands.ts'
import { formatEndpoint, isLoopback } from './listen-address.ts'
import type { ChapRequest } from './serve-request.ts'

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
  /** In the order of their LUNs, from 0. */
  readonly disks: readonly AnnouncedDisk[]
  readonly chap: ChapRequest | null
  readonly mutualChap: ChapRequest | null
  /** An address of this machine that others may use, for portals that listen on all addresses. */
  readonly reachableHost: (wildcard: string) => string
}

/** The text for standard output, ending in a new line. */
export function announce(server: AnnouncedServer): string {
  const facts = connectFacts(server)
  const sections = [
    [...server.endpoints.map((endpoint) => `listening on ${formatEndpoint(endpoint)}`), `target ${server.targetName}`],
    [...server.disks.flatMap(describeDisk), ...describeProtection(server)],
    ['Connect from Linux with open-iscsi, as root:', ...indent(openIscsiCommands(facts))],
    ['Connect from Windows, in PowerShell as administrator:', ...indent(windowsCommands(facts))],
    ['Look at it with libiscsi:', ...indent(libiscsiCommands(facts))],
    ['Stop with Ctrl-C or SIGTERM: what runs is finished and everything is written to disk.'],
  ]
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

const indent = (lines: readonly string[]) => lines.map((line) => `  ${line}`)

function describeDisk(disk: AnnouncedDisk, lun: number): string[] {
  const access = disk.readOnly ? 'read only' : 'read and write'
  const origin = disk.isNew ? ', made just now' : ''
  return [
    `LUN ${lun}: ${formatSize(disk.sizeBytes)}, ${disk.blockLengthBytes}-byte blocks, ${access}${origin}: ${disk.path}`,
  ]
}

function describeProtection({ chap, mutualChap, endpoints }: AnnouncedServer): string[] {
  const isOpenToOthers = endpoints.some(({ host }) => !isLoopback(host))
  const reach = isOpenToOthers ? [] : ['Only programs on this machine can connect; --listen opens it to others.']
  if (chap !== null) {
    const mutual = mutualChap === null ? '' : `; the target proves itself as "${mutualChap.user}"`
    return [`Authentication: CHAP, initiators log in as "${chap.user}"${mutual}.`, ...reach]
  }
  const warning = isOpenToOthers ? ' Everybody who reaches these addresses can read and change the disks.' : ''
  return [`Authentication: none.${warning}`, ...reach]
}

/** The commands name one portal: the first, at an address that can be connected to. */
function connectFacts({ endpoints, reachableHost, disks, ...server }: AnnouncedServer): ConnectFacts {
  const { host, port } = endpoints[0] as Endpoint
  return { ...server, portal: { host: reachableHost(host), port }, lunCount: disks.length }
}
