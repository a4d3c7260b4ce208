/**
 * The priorities that SET PRIORITY assigned (SPC-4; SPC-3 6.30), by initiator port and target port: an I_T nexus loss does
 * not end them, only a reset does.
 */

import type { Nexus } from './nexus.ts'

/** Pairs of ports that are remembered; the one assigned longest ago is forgotten first, for ports may have ever new names. */
const ASSIGNED_MAX = 1024

export class AssignedPriorities {
  readonly #byPorts = new Map<string, number>()

  /** 1 highest to 15 lowest; 0 for a nexus that was assigned none. */
  of(nexus: Nexus): number {
    if (this.#byPorts.size === 0) return 0
    return this.#byPorts.get(portsOf(nexus)) ?? 0
  }

  /** Assign a priority; 0 takes it away. */
  assign(nexus: Nexus, priority: number): void {
    const ports = portsOf(nexus)
    this.#byPorts.delete(ports)
    if (priority !== 0) this.#byPorts.set(ports, priority)
    for (const oldest of this.#byPorts.keys()) {
      if (this.#byPorts.size <= ASSIGNED_MAX) break
      this.#byPorts.delete(oldest)
    }
  }

  clear(): void {
    this.#byPorts.clear()
  }
}

function portsOf({ initiatorPortName, targetPortName }: Nexus): string {
  return `${initiatorPortName} ${targetPortName}`
}
