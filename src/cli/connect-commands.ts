/**
 * The commands with which deployed initiators find the target and log in, for one portal, with or without CHAP. Secrets
 * appear as the files that hold them, so that the text may be copied, logged and shown.
 */

import type { Endpoint } from '../server-options.ts'
import type { ChapRequest } from './chap-request.ts'
import { formatEndpoint } from './listen-address.ts'

export interface ConnectFacts {
  readonly portal: Endpoint
  readonly targetName: string
  readonly chap: ChapRequest | null
  readonly mutualChap: ChapRequest | null
  readonly lunCount: number
}

/** open-iscsi's `iscsiadm`. Discovery answers to the same CHAP settings as the login. */
export function openIscsiCommands(facts: ConnectFacts): string[] {
  const portal = formatEndpoint(facts.portal)
  const node = `iscsiadm -m node -T ${facts.targetName} -p ${portal}`
  const nodeSettings = iscsiadmSettings(`${node} -o update`, 'node.session.auth', facts)
  if (facts.chap === null) return [`iscsiadm -m discovery -t sendtargets -p ${portal}`, `${node} --login`]
  const discovery = `iscsiadm -m discoverydb -t sendtargets -p ${portal}`
  return [
    `${discovery} -o new`,
    ...iscsiadmSettings(`${discovery} -o update`, 'discovery.sendtargets.auth', facts),
    `${discovery} --discover`,
    ...nodeSettings,
    `${node} --login`,
  ]
}

function iscsiadmSettings(command: string, prefix: string, { chap, mutualChap }: ConnectFacts): string[] {
  const identity = (side: ChapRequest | null, suffix: string) =>
    side === null
      ? []
      : [
          [`username${suffix}`, shellQuote(side.user)],
          [`password${suffix}`, shellFileContent(side.secretFile)],
        ]
  const settings = [['authmethod', 'CHAP'], ...identity(chap, ''), ...identity(mutualChap, '_in')]
  return settings.map(([name, value]) => `${command} -n ${prefix}.${name} -v ${value}`)
}

/** The iSCSI cmdlets of Windows; the initiator is a service that does not run by default. */
export function windowsCommands({ portal, targetName, chap, mutualChap }: ConnectFacts): string[] {
  const address = `-TargetPortalAddress ${portal.host} -TargetPortalPortNumber ${portal.port}`
  const authentication =
    chap === null
      ? ''
      : ` -AuthenticationType ${mutualChap === null ? 'ONEWAYCHAP' : 'MUTUALCHAP'}` +
        ` -ChapUsername ${powerShellQuote(chap.user)} -ChapSecret ${powerShellFileContent(chap.secretFile)}`
  const targetSecret =
    mutualChap === null ? [] : [`Set-IscsiChapSecret -ChapSecret ${powerShellFileContent(mutualChap.secretFile)}`]
  return [
    'Set-Service MSiSCSI -StartupType Automatic; Start-Service MSiSCSI',
    ...targetSecret,
    `New-IscsiTargetPortal ${address}${authentication}`,
    'Get-IscsiTarget',
    `Connect-IscsiTarget -NodeAddress ${targetName} ${address}${authentication} -IsPersistent $true`,
  ]
}

/** libiscsi's tools take their secrets from the environment. */
export function libiscsiCommands({ portal, targetName, chap, mutualChap, lunCount }: ConnectFacts): string[] {
  const environment = (side: ChapRequest | null, infix: string) =>
    side === null
      ? []
      : [
          `export LIBISCSI_CHAP_${infix}USERNAME=${shellQuote(side.user)}`,
          `export LIBISCSI_CHAP_${infix}PASSWORD=${shellFileContent(side.secretFile)}`,
        ]
  const url = `iscsi://${formatEndpoint(portal)}`
  return [
    ...environment(chap, ''),
    ...environment(mutualChap, 'TARGET_'),
    `iscsi-ls -s ${url}`,
    ...Array.from({ length: Math.min(lunCount, LUNS_SHOWN_MAX) }, (_, lun) => `iscsi-inq ${url}/${targetName}/${lun}`),
  ]
}

/** After these the pattern is clear. */
const LUNS_SHOWN_MAX = 2

const shellQuote = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)
/** Command substitution drops the new line at the end, as we do. */
const shellFileContent = (path: string) => `"$(cat ${shellQuote(path)})"`
/** PowerShell takes the typographic ones for single quotes as well. */
const powerShellQuote = (text: string) => `'${text.replace(/['\u2018-\u201b]/g, '$&$&')}'`
const powerShellFileContent = (path: string) => `(Get-Content ${powerShellQuote(path)})`
