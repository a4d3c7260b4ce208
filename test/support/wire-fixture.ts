/** For test files that talk to a target over the wire: one target for the file, initiators that end with their test. */

import { afterAll, afterEach, beforeAll } from 'vitest'
import { type RunningTarget, startTarget, type TargetOptions } from './target-server.ts'
import { type InitiatorOptions, WireInitiator } from './wire-initiator.ts'
import { clearUnitAttentions } from './wire-scsi.ts'
import type { TextKeys } from './wire-text.ts'

export interface WireFixture {
  readonly target: RunningTarget
  /** A connected initiator that has not logged in. */
  connect(options?: Partial<InitiatorOptions>): Promise<WireInitiator>
  /** A session in full feature phase whose LUN 0 is ready. */
  open(keys?: TextKeys, options?: Partial<InitiatorOptions>): Promise<WireInitiator>
  /** A discovery session. */
  discover(keys?: TextKeys, options?: Partial<InitiatorOptions>): Promise<WireInitiator>
}

export function useTarget(options: TargetOptions = {}): WireFixture {
  let running: RunningTarget | null = null
  const initiators: WireInitiator[] = []
  beforeAll(async () => {
    running = await startTarget(options)
  })
  afterEach(() => {
    for (const initiator of initiators.splice(0)) initiator.destroy()
  })
  afterAll(async () => {
    await running?.close()
  })
  const fixture: WireFixture = {
    get target() {
      return running!
    },
    async connect(overrides = {}) {
      const { host, port, targetName } = running!
      const initiator = await WireInitiator.connect({ host, port, targetName, ...overrides })
      initiators.push(initiator)
      return initiator
    },
    async open(keys = {}, overrides = {}) {
      const initiator = await fixture.connect(overrides)
      await initiator.login(keys)
      await clearUnitAttentions(initiator)
      return initiator
    },
    async discover(keys = {}, overrides = {}) {
      const initiator = await fixture.connect(overrides)
      await initiator.login({ SessionType: 'Discovery', ...keys })
      return initiator
    },
  }
  return fixture
}
