/**
 * What `lunette serve` proves itself with to TLS clients, read from the files that the command line names, and read
 * again when one of them changes: certificates live for weeks, servers for months.
 */

import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { TlsIdentity } from '../../protocol/transport/tls-acceptor.ts'
import { causeOf } from '../failure.ts'
import { demandUsable, type NamedFile, readCertificates, readPrivateKey } from './certificate-files.ts'
import type { TlsRequest } from './tls-request.ts'

export interface LoadedIdentity {
  readonly identity: TlsIdentity
  readonly validTo: Date
  /** Sentences for the person who starts the server. */
  readonly warnings: readonly string[]
}

/** How often the files are looked at. */
const LOOK_PERIOD_MS = 10_000
const DAY_MS = 86_400_000
/** Renewals are due long before. */
const SOON_DAYS = 14

/** Errors: `Failure`, naming the option, the file and what is wrong with it. */
export function loadTlsIdentity(request: TlsRequest, now = new Date()): LoadedIdentity {
  const { certificateFile, keyFile, clientCaFile } = namedFiles(request)
  const { pem, certificates } = readCertificates(certificateFile)
  const [own] = certificates
  const key = readPrivateKey(keyFile, own, certificateFile)
  demandUsable(certificateFile, pem, key)
  const clientCa = clientCaFile === null ? null : readCertificates(clientCaFile).pem
  const label = `${certificateFile.option} ${certificateFile.path}`
  const warnings = [...validityWarnings(own.validFromDate, own.validToDate, now)]
  if (own.subjectAltName === undefined) {
    warnings.push('the certificate has no subjectAltName: clients that verify it refuse to connect')
  }
  return {
    identity: { certificate: pem, key, clientCa },
    validTo: own.validToDate,
    warnings: warnings.map((warning) => `${label}: ${warning}`),
  }
}

function validityWarnings(from: Date, to: Date, now: Date): string[] {
  const date = (when: Date) => when.toISOString().slice(0, 10)
  if (now < from) return [`the certificate is not valid before ${date(from)}: clients refuse to connect`]
  if (now > to) return [`the certificate has expired on ${date(to)}: clients refuse to connect`]
  const daysLeft = Math.floor((to.getTime() - now.getTime()) / DAY_MS)
  return daysLeft < SOON_DAYS ? [`the certificate expires on ${date(to)}`] : []
}

function namedFiles({ certificateFile, keyFile, clientCaFile }: TlsRequest) {
  const named = (option: string, path: string): NamedFile => ({ option, path })
  return {
    certificateFile: named('--tls-certificate', certificateFile),
    keyFile: named('--tls-key', keyFile),
    clientCaFile: clientCaFile === null ? null : named('--tls-client-ca', clientCaFile),
  }
}

/**
 * From now on look at the files, and give what they hold to `renew` whenever that has changed and can be used; what
 * cannot be used, for whatever reason, is logged once, and the old identity stays. Returns how to stop looking.
 */
export function watchTlsIdentity(
  request: TlsRequest,
  renew: (identity: TlsIdentity) => void,
  log: Logger,
  lookPeriodMs = LOOK_PERIOD_MS,
): () => void {
  // At once, so that a change right behind this is one.
  let seen = Promise.resolve(contentsNow(request))
  const look = async () => {
    const before = await seen
    seen = contentsOf(request)
    if ((await seen) === before) return
    try {
      const { identity, validTo, warnings } = loadTlsIdentity(request)
      renew(identity)
      log.info({ validTo: validTo.toISOString() }, 'the TLS certificate was renewed')
      for (const warning of warnings) log.warn(warning)
    } catch (error) {
      log.warn(`the TLS files have changed but cannot be used, and the old ones stay: ${causeOf(error)}`)
    }
  }
  const timer = setInterval(() => void look(), lookPeriodMs)
  timer.unref()
  return () => clearInterval(timer)
}

/** Everything that the files hold, as one text that differs when one of them does. A missing one counts as empty. */
async function contentsOf(request: TlsRequest): Promise<string> {
  return JSON.stringify(await Promise.all(pathsOf(request).map((path) => readFile(path, 'utf8').catch(() => ''))))
}

function contentsNow(request: TlsRequest): string {
  const read = (path: string) => {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return ''
    }
  }
  return JSON.stringify(pathsOf(request).map(read))
}

function pathsOf({ certificateFile, keyFile, clientCaFile }: TlsRequest): readonly string[] {
  return [certificateFile, keyFile, ...(clientCaFile === null ? [] : [clientCaFile])]
}
