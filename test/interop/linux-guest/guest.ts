/**
 * Boots the guest with a scenario's script, streams what it prints, lets it call the host while it runs, and tells how
 * the script ended. QEMU runs in software emulation with user-mode networking: the guest's 10.0.2.2 is this machine's
 * loopback, and each further network card has such an address of its own (10.0.3.2, ...), so that several paths lead to
 * one server.
 */

import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { appendFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { adoptChild, describeExit } from '../../support/child-processes.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { guestImage, packDirectory } from './image.ts'

/** What the guest may ask the host to do, by name; a string that it gives is what the guest's `host NAME` prints. */
export type HostActions = Readonly<Record<string, () => Promise<unknown>>>

export interface GuestOptions {
  /** A dash script, run with -eu after `files/lib.sh`. */
  readonly script: string
  /** Variables that the script sees. */
  readonly environment?: Readonly<Record<string, string | number>>
  readonly actions?: HostActions
  readonly networkCount?: number
  readonly memoryMiB?: number
  readonly timeLimitMs: number
  readonly initiatorName?: string
  /** Further arguments for QEMU. */
  readonly qemuArguments?: readonly string[]
  /** Gets the console, a line at a time. */
  readonly tell: (line: string) => void
}

const INITIATOR_NAME = 'iqn.2026-11.example:guest'

/**
 * Run a script in a fresh guest; gives everything that it printed.
 * Errors: rejects when the script failed, the time is up, or an action of the host failed.
 */
export async function runGuest(options: GuestOptions): Promise<string> {
  const image = await guestImage(options.tell)
  const token = randomUUID()
  using work = temporaryDirectory()
  await using host = await serveActions(options.actions ?? {})
  const initramfs = work.file('initramfs')
  cpSync(image.initramfs, initramfs)
  appendFileSync(initramfs, await scenarioArchive(work.path, options, token, host.port))
  const console = await runQemu(
    [
      ...MACHINE,
      ...['-m', String(options.memoryMiB ?? 1024), '-kernel', image.kernel, '-initrd', initramfs],
      ...['-append', 'console=ttyS0 quiet panic=-1 mitigations=off loglevel=3'],
      ...networkArguments(options.networkCount ?? 1),
      ...(options.qemuArguments ?? []),
    ],
    options,
  )
  if (host.failure() !== null) throw host.failure()
  const status = new RegExp(`guest ended with status (\\d+) \\(${token}\\)`).exec(console)?.[1]
  if (status === '0') return console
  throw new Error(status === undefined ? 'the guest stopped without a word' : `the guest's script ended with ${status}`)
}

/** No default devices, a serial line as console, and a restart or panic ends the process. */
export const MACHINE: readonly string[] = [
  ...['-accel', 'tcg,thread=multi', '-cpu', 'max,la57=off', '-smp', '2'],
  ...['-nodefaults', '-no-user-config', '-display', 'none', '-serial', 'stdio', '-no-reboot'],
]

/** Virtio network cards, each on a network of its own. */
export function networkArguments(count: number): string[] {
  return Array.from({ length: count }, (_, index) => [
    ...['-netdev', `user,id=net${index},net=10.0.${2 + index}.0/24,ipv6=off`],
    ...['-device', `virtio-net-pci,netdev=net${index},romfile=`],
  ]).flat()
}

async function scenarioArchive(work: string, options: GuestOptions, token: string, port: number): Promise<Buffer> {
  const directory = join(work, 'scenario')
  const variables = {
    ...options.environment,
    GUEST_TOKEN: token,
    HOST_PORT: port,
    INITIATOR_NAME: options.initiatorName ?? INITIATOR_NAME,
  }
  const environment = Object.entries(variables).map(([name, value]) => `export ${name}='${value}'\n`)
  const files = { environment: environment.join(''), run: `. /lib.sh\n${options.script}\n` }
  for (const [name, text] of Object.entries(files)) {
    const path = join(directory, 'scenario', name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  const archive = join(work, 'scenario.cpio')
  await packDirectory(directory, archive)
  return readFileSync(archive)
}

/** What to type when the console shows something: each once, in this order. */
export interface Reply {
  readonly to: RegExp
  readonly type: string
}

/** Runs QEMU to its end, or to the end of its time, and gives what came over the serial line. */
export async function runQemu(
  args: readonly string[],
  {
    tell,
    timeLimitMs,
    replies = [],
  }: Pick<GuestOptions, 'tell' | 'timeLimitMs'> & { readonly replies?: readonly Reply[] },
): Promise<string> {
  const child = spawn('qemu-system-x86_64', args, { stdio: ['pipe', 'pipe', 'pipe'] })
  // QEMU may end before it has read everything.
  child.stdin.on('error', () => undefined)
  const remaining = [...replies]
  let answered = 0
  let console = ''
  let line = ''
  const take = (text: string): void => {
    console += text
    line += text.replaceAll('\r', '')
    const lines = line.split('\n')
    line = lines.pop() ?? ''
    for (const whole of lines) tell(whole)
    const asked = remaining[0]?.to.exec(console.slice(answered))
    if (asked === null || asked === undefined) return
    answered = console.length
    child.stdin.write(remaining.shift()!.type)
  }
  child.stdout.setEncoding('utf8').on('data', take)
  child.stderr.setEncoding('utf8').on('data', take)
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    child.kill('SIGKILL')
  }, timeLimitMs)
  const status = await adoptChild(child).finally(() => clearTimeout(timer))
  if (line !== '') tell(line)
  if (isLate) throw new Error(`no end within ${timeLimitMs / 1000} s; the console said:\n${console.slice(-4000)}`)
  if (status.exitCode !== 0) throw new Error(`QEMU ended with ${describeExit(status)}:\n${console.slice(-4000)}`)
  return console
}

interface ActionServer extends AsyncDisposable {
  readonly port: number
  /** The first action that failed. */
  failure(): Error | null
}

async function serveActions(actions: HostActions): Promise<ActionServer> {
  let failure: Error | null = null
  const server: Server = createServer((request, response) => {
    const name = (request.url ?? '/').slice(1)
    const action = actions[name]
    Promise.resolve(action === undefined ? Promise.reject(new Error(`there is no host action ${name}`)) : action())
      .then((answer) => response.end(typeof answer === 'string' ? answer : ''))
      .catch((error: unknown) => {
        failure ??= error instanceof Error ? error : new Error(String(error))
        response.writeHead(500).end()
      })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    failure: () => failure,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
