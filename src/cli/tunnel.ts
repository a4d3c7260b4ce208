/** `lunette tunnel`: a plain port on this machine for initiators that speak no TLS, until a signal asks to stop. */

import { causeOf, EXIT_CODE, Failure, systemErrorCode } from '../failure.ts'
import { createLog } from '../log.ts'
import { Tunnel } from '../tunnel/tunnel.ts'
import type { TunnelCredentials } from '../tunnel/tunnel-connection.ts'
import { demandUsable, type NamedFile, readCertificates, readPrivateKey } from './certificate-files.ts'
import { formatEndpoint } from './listen-address.ts'
import { listenForStopSignals } from './stop-signals.ts'
import type { TunnelRequest } from './tunnel-request.ts'

/** What the command needs of the world around it. */
export interface TunnelEnvironment {
  readonly writeOut: (text: string) => void
  /** Ends the process at once. */
  readonly exitNow: (exitCode: number) => void
}

const LIMITS = { connectionsMax: 1024, connectTimeoutMs: 15_000, closeTimeoutMs: 5_000 } as const

/** Run until a signal asks to stop. Returns the exit code. Errors: `Failure` when it cannot start. */
export async function runTunnel(request: TunnelRequest, environment: TunnelEnvironment): Promise<number> {
  const log = createLog(request.logLevel)
  const signals = listenForStopSignals(environment.exitNow)
  const { server, serverName } = request
  loadCredentials(request)
  const credentials = () => loadCredentials(request)
  const tunnel = new Tunnel({ ...LIMITS, listen: request.listen, server, serverName, credentials, log })
  const near = { host: request.listen.host, port: await listen(tunnel, request) }
  environment.writeOut(announcement(formatEndpoint(near), formatEndpoint(server), serverName))
  log.info({ listening: formatEndpoint(near), server: formatEndpoint(server), serverName }, 'the tunnel is open')
  const signal = await signals.first
  log.info({ signal, connections: tunnel.connectionCount }, 'stopping: sending on what has come, then closing')
  await tunnel.drain()
  return EXIT_CODE.ok
}

/** Errors: `Failure`, naming the option, the file and what is wrong with it. */
function loadCredentials({ caFile, client }: TunnelRequest): TunnelCredentials {
  const ca = caFile === null ? null : readCertificates({ option: '--ca', path: caFile }).pem
  if (client === null) return { ca, client: null }
  const certificateFile: NamedFile = { option: '--certificate', path: client.certificateFile }
  const { pem, certificates } = readCertificates(certificateFile)
  const key = readPrivateKey({ option: '--key', path: client.keyFile }, certificates[0], certificateFile)
  demandUsable(certificateFile, pem, key)
  return { ca, client: { certificate: pem, key } }
}

async function listen(tunnel: Tunnel, request: TunnelRequest): Promise<number> {
  try {
    return await tunnel.listen()
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error
    const cause = systemErrorCode(error) === 'EADDRINUSE' ? 'another program does' : causeOf(error)
    const place = formatEndpoint(request.listen)
    throw new Failure(`cannot listen on ${place}: ${cause}; choose another port with --listen ADDRESS:PORT`)
  }
}

/** The first line is for machines and keeps its form. */
function announcement(near: string, far: string, serverName: string): string {
  return `listening on ${near}
through TLS to ${far}, whose certificate must be for ${serverName}

Connect from Linux with open-iscsi, as root:
  iscsiadm -m discovery -t sendtargets -p ${near}
  iscsiadm -m node -p ${near} --login

Stop with Ctrl-C or SIGTERM, after the initiators have logged out.
`
}
