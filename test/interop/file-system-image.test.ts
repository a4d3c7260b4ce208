import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWithTools } from '../support/describe-with-tools.ts'
import { createExt4Image, createSparseFile } from '../support/disk-files.ts'
import { startRecordingRelay } from '../support/recording-relay.ts'
import { runTool, tryTool } from '../support/run-tool.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { readDisk, writeDisk } from '../support/wire-disk.ts'
import { WireInitiator } from '../support/wire-initiator.ts'
import { clearUnitAttentions } from '../support/wire-scsi.ts'

const TREE_BYTES = 500 * 2 ** 20
const IMAGE_BYTES = 640 * 2 ** 20
const USER = 'alice'
const SECRET = 'correct horse battery'
const SECRETS = temporaryDirectory()
const SECRET_FILE = SECRETS.file('secret')
const CHAP_ARGS = ['--chap-user', USER, '--chap-secret-file', SECRET_FILE]

interface Way {
  readonly title: string
  readonly serverArgs: readonly string[]
  /** Options of QEMU's iscsi driver on top of portal, target and LUN. */
  readonly driverOptions: readonly string[]
  /** What both sides must have said during login. */
  readonly negotiated: readonly string[]
}

const WAYS: readonly Way[] = [
  { title: 'without options', serverArgs: [], driverOptions: [], negotiated: [] },
  {
    title: 'with CHAP',
    serverArgs: CHAP_ARGS,
    driverOptions: [`user=${USER}`, 'password-secret=chap'],
    negotiated: ['AuthMethod=CHAP', 'CHAP_A=', 'CHAP_I='],
  },
  {
    title: 'with header digests',
    serverArgs: [],
    driverOptions: ['header-digest=crc32c'],
    negotiated: ['HeaderDigest=CRC32C'],
  },
  { title: 'on 4096-byte blocks', serverArgs: ['--block-size', '4096'], driverOptions: [], negotiated: [] },
]

describeWithTools(['qemu-img', 'qemu-iscsi', 'mke2fs', 'e2fsck'], 'an ext4 image of a directory tree', () => {
  const directory = temporaryDirectory()
  const image = directory.file('image.ext4')
  const copy = directory.file('copy.img')
  const qemuImg = (...args: string[]): Promise<string> =>
    runTool('qemu-img', [args[0]!, '--object', `secret,id=chap,file=${SECRET_FILE}`, ...args.slice(1)])

  beforeAll(async () => {
    writeFileSync(SECRET_FILE, SECRET, { mode: 0o600 })
    using scratch = temporaryDirectory()
    await createExt4Image(image, IMAGE_BYTES, scratch.path, TREE_BYTES)
  })
  afterAll(() => {
    directory[Symbol.dispose]()
    SECRETS[Symbol.dispose]()
  })

  it.each(WAYS)('comes back identical after a restart, $title', async ({ serverArgs, driverOptions, negotiated }) => {
    using home = temporaryDirectory()
    const disk = home.file('disk.img')
    createSparseFile(disk, IMAGE_BYTES)
    const start = (): Promise<ServerProcess> => startServer({ directory: home.path, args: [disk, ...serverArgs] })
    {
      await using server = await start()
      await using relay = await startRecordingRelay(server.port)
      const target = imageOptions(server, relay.port, driverOptions)
      await qemuImg('convert', '-n', '-f', 'raw', '--target-image-opts', image, target)
      for (const pair of negotiated) {
        expect(relay.sentByInitiator() + relay.sentByTarget()).toContain(pair)
        expect(relay.sentByTarget()).toContain(pair)
      }
      expect(await server.stop()).toEqual({ exitCode: 0, signal: null })
    }
    {
      await using server = await start()
      const source = imageOptions(server, server.port, driverOptions)
      await qemuImg('convert', '--image-opts', '-O', 'raw', source, copy)
    }
    await runTool('cmp', [image, copy])
    await runTool('e2fsck', ['-f', '-n', copy])
  })

  it('comes back identical after a restart, with digests of headers and data', async () => {
    using home = temporaryDirectory()
    createSparseFile(home.file('disk.img'), IMAGE_BYTES)
    const start = (): Promise<ServerProcess> => startServer({ directory: home.path, args: ['disk.img'] })
    {
      await using server = await start()
      const initiator = await loginWithDigests(server)
      await writeDisk(initiator, image)
      await initiator.logout()
      expect(await server.stop()).toEqual({ exitCode: 0, signal: null })
    }
    {
      await using server = await start()
      const initiator = await loginWithDigests(server)
      await readDisk(initiator, copy, IMAGE_BYTES)
      await initiator.logout()
    }
    await runTool('cmp', [image, copy])
    await runTool('e2fsck', ['-f', '-n', copy])
  })

  it('is not shown to an initiator without the right CHAP secret', async () => {
    using home = temporaryDirectory()
    const disk = home.file('disk.img')
    createSparseFile(disk, 2 ** 20)
    await using server = await startServer({ directory: home.path, args: [disk, ...CHAP_ARGS] })
    for (const credentials of [
      {},
      { user: USER, password: 'wrong horse battery' },
      { user: 'mallory', password: SECRET },
    ]) {
      const result = await tryTool('qemu-img', ['info', '-f', 'raw', server.url(0, credentials)])
      expect(result.exitCode).not.toBe(0)
      expect(result.stderr).toMatch(/login|auth/i)
    }
    expect(server.output()).not.toContain(SECRET)
  })
})

/** libiscsi knows no data digests, so that the test initiator does this one. */
async function loginWithDigests(server: ServerProcess): Promise<WireInitiator> {
  const initiator = await WireInitiator.connect(server)
  await initiator.login({ HeaderDigest: 'CRC32C', DataDigest: 'CRC32C', MaxRecvDataSegmentLength: '262144' })
  expect(initiator.digests).toEqual({ header: true, data: true })
  await clearUnitAttentions(initiator)
  return initiator
}

function imageOptions(server: ServerProcess, port: number, driverOptions: readonly string[]): string {
  const options = [
    'driver=raw',
    ...['driver=iscsi', 'transport=tcp', `portal=${server.host}:${port}`, `target=${server.targetName}`, 'lun=0'].map(
      inFile,
    ),
    ...driverOptions.map(inFile),
  ]
  return options.join(',')
}

/** The driver that `raw` stands on takes its options with this prefix. */
function inFile(option: string): string {
  return `file.${option}`
}
