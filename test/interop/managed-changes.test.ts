/**
 * Everything changes through the commands of a real server while libiscsi initiators load LUNs and verify what they read:
 * only what was taken away fails.
 */

import { writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { Portal } from '../../src/cli/client/resources.ts'
import { describeWithTools } from '../support/describe-with-tools.ts'
import { type ManagedServer, startManagedServer } from '../support/managed-server.ts'
import { runTool, tryTool } from '../support/run-tool.ts'

const MIB = 2 ** 20
const TARGET = 'iqn.2026-01.test.array:loaded'
const ROUNDS = 3
const NAME = 'iqn.2026-01.test.host:loader'

describeWithTools(['iscsi-inq', 'iscsi-readcapacity16', 'qemu-io', 'qemu-iscsi'], 'libiscsi under a load', () => {
  const portalsOf = (managed: ManagedServer) => managed.json<Portal[]>('portal', 'list')

  /** The system may choose another port whenever a portal comes online. */
  async function whereIs(managed: ManagedServer, portalId: string): Promise<string> {
    const { listeningPort } = (await portalsOf(managed)).find(({ id }) => id === portalId)!
    return `iscsi://127.0.0.1:${listeningPort}`
  }

  /** Make a portal on a port that the system picks; how it is called, and where it listens. */
  async function makePortal(managed: ManagedServer): Promise<{ readonly id: string; readonly url: string }> {
    const known = new Set((await portalsOf(managed)).map(({ id }) => id))
    await managed.done('portal', 'create', '127.0.0.1:0')
    const { id } = (await portalsOf(managed)).find((portal) => !known.has(portal.id))!
    return { id, url: await whereIs(managed, id) }
  }

  /** Writes patterns and reads them back until told to end; fails with the first command that does. */
  async function verifyUntil(url: string, isOver: () => boolean): Promise<number> {
    let rounds = 0
    do {
      const commands = Array.from({ length: 16 }, (_, at) => [
        `write -P ${1 + ((at + rounds) % 250)} ${at * 32}k 32k`,
        `aio_read -P ${1 + ((at + rounds) % 250)} ${at * 32}k 32k`,
      ]).flat()
      const args = ['-f', 'raw', ...[...commands, 'aio_flush'].flatMap((text) => ['-c', text]), url]
      expect(await runTool('qemu-io', args)).not.toMatch(/fail|error|verification/i)
      rounds++
    } while (!isOver())
    return rounds
  }

  const sizeOf = (url: string) => runTool('iscsi-readcapacity16', ['-i', NAME, '--size', url])
  const inquire = (url: string, env: Readonly<Record<string, string>> = {}) =>
    tryTool('iscsi-inq', ['-i', NAME, url], { env, timeoutMs: 10_000 })

  it('has no error while what others use comes, goes and changes', { timeout: 120_000 }, async () => {
    await using managed = await startManagedServer()
    const { done } = managed
    const secret = (text: string) => {
      const path = `${managed.server.directory}/secret`
      writeFileSync(path, text, { mode: 0o600 })
      return path
    }
    const [first, second] = [await makePortal(managed), await makePortal(managed)]
    await done('target', 'create', 'loaded', '--iscsi-name', TARGET)
    await done('portal-group', 'create', 'loaded')
    await done('portal-group', 'add', 'loaded,1', first.id)
    await done('portal-group', 'create', 'loaded')
    await done('portal-group', 'add', 'loaded,2', second.id)
    for (const name of ['kept', 'grows']) {
      await done('lun', 'create', name, '--size', '1M', '--initiator', '*')
      await done('lun', 'associate', name, 'loaded')
    }
    const urlOf = (lun: number) => `${first.url}/${TARGET}/${lun}`
    let isOver = false
    const loads = Promise.all([0, 1].map((lun) => verifyUntil(urlOf(lun), () => isOver)))
    // Its failure is waited for below; until then it is nobody's.
    loads.catch(() => undefined)
    try {
      for (let round = 1; round <= ROUNDS; round++) {
        await done('lun', 'create', 'comes', '--size', '2M', '--initiator', NAME)
        await done('lun', 'associate', 'comes', 'loaded')
        expect(await sizeOf(urlOf(2))).toBe(`${2 * MIB}\n`)
        await done('lun', 'extend', 'grows', '1M')
        expect(await sizeOf(urlOf(1))).toBe(`${(1 + round) * MIB}\n`)
        await done('lun', 'mask', 'comes', '--initiator', 'iqn.2026-01.test.host:else')
        expect((await inquire(urlOf(2))).stderr).toContain('LOGICAL_UNIT_NOT_SUPPORTED')

        await done('target', 'create', 'other', '--iscsi-name', `${TARGET}-other`)
        await done('portal-group', 'create', 'other')
        await done('portal-group', 'add', 'other,1', first.id)
        await done('lun', 'mask', 'comes', '--initiator', NAME)
        await done('lun', 'associate', 'comes', 'other')
        await done('target', 'chap', 'other', 'set', '--secret-file', secret(`secret-of-round-${round}`))
        const otherUrl = `${first.url}/${TARGET}-other/0`
        const withSecret = (text: string) =>
          inquire(otherUrl, { LIBISCSI_CHAP_USERNAME: NAME, LIBISCSI_CHAP_PASSWORD: text })
        expect((await withSecret(`secret-of-round-${round}`)).stdout).toContain('CONNECTED')
        await done('target', 'chap', 'other', 'set', '--secret-file', secret(`newer-secret-${round}`))
        expect((await withSecret(`secret-of-round-${round}`)).exitCode).not.toBe(0)
        expect((await withSecret(`newer-secret-${round}`)).stdout).toContain('CONNECTED')

        const throughSecond = `${await whereIs(managed, second.id)}/${TARGET}/0`
        expect(await sizeOf(throughSecond)).toBe(`${MIB}\n`)
        await done('portal', 'offline', second.id)
        expect((await inquire(throughSecond)).exitCode).not.toBe(0)
        await done('portal', 'online', second.id)
        expect(await sizeOf(`${await whereIs(managed, second.id)}/${TARGET}/0`)).toBe(`${MIB}\n`)

        await done('lun', 'delete', 'comes')
        expect((await inquire(urlOf(2))).stderr).toContain('LOGICAL_UNIT_NOT_SUPPORTED')
        await done('target', 'delete', 'other')
      }
    } finally {
      isOver = true
    }
    for (const rounds of await loads) expect(rounds).toBeGreaterThan(0)
  })
})
