/**
 * An I_T nexus (SAM-5): one initiator port talking to one target port. The transport makes one per session through
 * `ScsiTarget.openNexus` and ends it with `closeNexus`; everything that SCSI keeps per nexus (unit attentions,
 * reservations) hangs on this object's identity.
 */
export interface Nexus {
  /** SCSI initiator port name, e.g. `iqn.1993-08.org.debian:01:abc,i,0x00023d000001` (RFC 7143 4.4.2). */
  readonly initiatorPortName: string
  /** The part that names the initiator device: for iSCSI the initiator name. */
  readonly initiatorDeviceName: string
  /** SCSI target port name, e.g. `iqn.2026-11.example:disk,t,0x0001`. */
  readonly targetPortName: string
  /** Relative target port identifier (SPC-3 7.6.3.7): for iSCSI the portal group tag. */
  readonly relativeTargetPort: number
}
