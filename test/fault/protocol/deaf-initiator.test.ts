/** An initiator that sends and never reads: what waits for it is bounded, and nothing of it is lost when it reads again. */

import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createAuthority } from '../../support/certificates.ts'
import { useTarget } from '../../support/wire-fixture.ts'
import { OPCODE } from '../../support/wire-pdu.ts'

const MIB = 1024 * 1024
const PING_BYTES = 64 * 1024
/** What the two sockets may hold besides. */
const KERNEL_BYTES_MAX = 32 * MIB
const authority = createAuthority()
const identity = { ...authority.issue({ addresses: ['127.0.0.1'] }), clientCa: null }
const fixture = useTarget({ limits: { outboundBytesMax: MIB }, tls: identity })

it.each(['in the clear', 'through TLS'])(
  'pings without reading the answers, %s',
  async (way) => {
    const { plainPort } = fixture.target
    const place = way === 'through TLS' ? { tls: { ca: authority.certificate } } : { port: plainPort }
    const witness = await fixture.open({}, place)
    const initiator = await fixture.open({ MaxRecvDataSegmentLength: String(PING_BYTES) }, place)
    initiator.connection.pauseReading()
    let sent = 0
    let isTaken = true
    while (isTaken && sent * PING_BYTES < 4 * KERNEL_BYTES_MAX) {
      const written = initiator.sendNopOut({ immediate: true, data: Buffer.alloc(PING_BYTES, sent++) }).then(() => true)
      isTaken = await Promise.race([written, sleep(1000, false)])
    }
    expect(sent * PING_BYTES).toBeLessThan(2 * MIB + KERNEL_BYTES_MAX)
    await witness.ping()
    initiator.connection.resumeReading()
    for (let answer = 0; answer < sent; answer++) {
      const { data } = await initiator.expect(OPCODE.NOP_IN)
      expect([data.length, data[0]]).toEqual([PING_BYTES, answer & 0xff])
    }
    await initiator.ping()
  },
  30_000,
)
