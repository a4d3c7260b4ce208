/** What `lunette tunnel --help` says: the options of the command, in the words of its request. */

import type { Command } from 'commander'
import { LOG_LEVELS } from '../log.ts'
import { formatEndpoint } from './listen-address.ts'
import { TLS_PORT_DEFAULT } from './tls-request.ts'
import { TUNNEL_LISTEN_DEFAULT } from './tunnel-request.ts'

const EXAMPLES = `
Example:
  lunette tunnel --connect san.example.com --ca ca.crt --certificate initiator.crt --key initiator.key
                                     then connect the initiator to ${formatEndpoint(TUNNEL_LISTEN_DEFAULT)}
`

export function addTunnelOptions(command: Command): Command {
  return command
    .helpOption('--help', 'print this help')
    .summary('give initiators that speak no TLS a port on this machine')
    .description("Take iSCSI connections on a port of this machine through TLS to a server's --tls-listen.")
    .requiredOption('--connect <HOST[:PORT]>', `the server (port ${TLS_PORT_DEFAULT} unless said otherwise)`)
    .option(
      '--listen <ADDRESS[:PORT]>',
      `where initiators connect to (default: ${formatEndpoint(TUNNEL_LISTEN_DEFAULT)})`,
    )
    .option('--ca <FILE>', "the server's certificate comes from one of these authorities (default: the system's)")
    .option('--certificate <FILE>', 'our certificate, for servers that demand one')
    .option('--key <FILE>', 'its private key')
    .option('--server-name <NAME>', "what the server's certificate must be for (default: HOST)")
    .option('--allow-others', 'listen beyond this machine: who reaches it comes through, unencrypted up to here')
    .option('--log-level <LEVEL>', `${LOG_LEVELS.join(', ')}; the log goes to standard error`, 'info')
    .addHelpText('after', EXAMPLES)
}
