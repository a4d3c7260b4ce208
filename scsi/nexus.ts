/**
 * An I_T nexus (SAM-5): one initiator port talking to one target port. The transport makes one per session through
 * `ScsiTarget.openNexus` and ends it with `closeNexus`; everything that SCSI keeps per nexus (unit attentions,
 * reservations) hangs on this object's identity.
 */

import type { Command } from './command.ts'

/** A SCSI target port (SAM-5), as initiators may name it. */
export interface TargetPort {
  /** SCSI target port name. */
  readonly name: string
  /** Relative target port identifier (SPC-3 7.6.3.7), unique within its target. */
  readonly relativeTargetPort: number
}

export interface Nexus {
  /** SCSI initiator port name, e.g. `iqn.1993-08.org.debian:01:abc,i,0x00023d000001` (RFC 7143 4.4.2). */
  readonly initiatorPortName: string
  /** The part that names the initiator device: for iSCSI the initiator name. */
  readonly initiatorDeviceName: string
  /** Where it comes from, for access by address: for iSCSI an IP address. */
  readonly initiatorAddress: string
  /** SCSI target port name, e.g. `iqn.2026-11.example:disk,t,0x0001`. */
  readonly targetPortName: string
  /** Relative target port identifier (SPC-3 7.6.3.7): for iSCSI the portal group tag. */
  readonly relativeTargetPort: number
  /** The version descriptor of the transport protocol as this nexus speaks it (SPC-3 6.4.2, VERSION DESCRIPTOR). */
  readonly transportVersionDescriptor: number
}

/** Told of what other nexuses do to the commands of this one. */
export interface NexusObserver {
  /**
   * A task management function of another nexus is about to abort these commands, all of one logical unit. Called before
   * the first of them ends.
   */
  commandsClearedByAnother(commands: readonly Command[]): void
}
