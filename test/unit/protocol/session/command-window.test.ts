import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { serialAdd } from '../../../../protocol/serial.ts'
import { CommandWindow } from '../../../../protocol/session/command-window.ts'

/** Offers one CmdSN the way full feature phase does; `out` collects what is delivered. */
function offer(window: CommandWindow, cmdSN: number, out: number[]): void {
  const admission = window.admit(cmdSN)
  if (admission === 'ignore') return
  if (admission === 'hold') {
    window.hold(cmdSN, out, () => out.push(cmdSN))
    return
  }
  out.push(cmdSN)
  window.deliverHeld()
}

describe('command window', () => {
  it('[SN-2] delivers in CmdSN order, each once, in whatever order and how often they come', () => {
    const arrivals = fc.integer({ min: 1, max: 24 }).chain((count) =>
      fc.tuple(
        fc.shuffledSubarray(
          Array.from({ length: count }, (_, at) => at),
          { minLength: count },
        ),
        fc.array(fc.nat(count - 1)),
      ),
    )
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), arrivals, (first, [order, repeats]) => {
        const window = new CommandWindow(first, 32)
        const out: number[] = []
        for (const at of [...repeats, ...order, ...repeats]) offer(window, serialAdd(first, at), out)
        expect(out).toEqual(order.map((_, at) => serialAdd(first, at)))
        expect(window.expCmdSN).toBe(serialAdd(first, order.length))
      }),
    )
  })

  it('[SN-3] keeps ExpCmdSN at a missing command', () => {
    const window = new CommandWindow(10, 8)
    const out: number[] = []
    offer(window, 11, out)
    offer(window, 12, out)
    expect([window.expCmdSN, out]).toEqual([10, []])
    offer(window, 10, out)
    expect([window.expCmdSN, out]).toEqual([13, [10, 11, 12]])
  })

  it('[ERL-23] drops what one connection has brought, whose CmdSNs then count as missing', () => {
    const window = new CommandWindow(10, 8)
    const [one, two]: number[][] = [[], []]
    offer(window, 11, one!)
    offer(window, 12, two!)
    offer(window, 13, one!)
    window.discardHeldBy(one!)
    offer(window, 10, two!)
    expect([window.expCmdSN, one, two]).toEqual([11, [], [10]])
    expect([window.discard(12), window.discard(13)]).toEqual([true, false])
    offer(window, 11, one!)
    expect(window.expCmdSN).toBe(12)
  })

  it('[SN-5] ignores what lies outside', () => {
    const window = new CommandWindow(10, 4)
    expect(window.maxCmdSN).toBe(13)
    expect([9, 14, 0x8000_000a].map((cmdSN) => window.admit(cmdSN))).toEqual(['ignore', 'ignore', 'ignore'])
    expect(window.admit(13)).toBe('hold')
  })

  it('[SN-4] is closed when it is full, and opens by one for each command that ends', () => {
    const window = new CommandWindow(0xffff_ffff, 2)
    expect([window.admit(0xffff_ffff), window.admit(0), window.admit(1)]).toEqual(['deliver', 'deliver', 'ignore'])
    expect(serialAdd(window.expCmdSN, -1)).toBe(window.maxCmdSN)
    window.release()
    expect(window.admit(1)).toBe('deliver')
  })

  it('[TMF-4] counts a plugged CmdSN as received', () => {
    const window = new CommandWindow(5, 8)
    const out: number[] = []
    offer(window, 6, out)
    window.plug(5)
    expect([window.expCmdSN, out]).toEqual([7, [6]])
    expect(window.admit(5)).toBe('ignore')
    expect(window.maxCmdSN).toBe(13)
  })

  it('[TMF-10] tells when everything before a CmdSN has come', () => {
    const window = new CommandWindow(5, 8)
    const reached: string[] = []
    window.whenReached(5, () => reached.push('five'))
    window.whenReached(7, () => reached.push('seven'))
    expect(reached).toEqual(['five'])
    const out: number[] = []
    offer(window, 6, out)
    expect(reached).toEqual(['five'])
    offer(window, 5, out)
    expect(reached).toEqual(['five', 'seven'])
  })

  it('[TMF-10] tells it before it hands out what comes after that CmdSN', () => {
    const window = new CommandWindow(5, 8)
    const out: number[] = []
    window.whenReached(6, () => out.push(100))
    offer(window, 6, out)
    offer(window, 5, out)
    expect(out).toEqual([5, 100, 6])
  })
})
