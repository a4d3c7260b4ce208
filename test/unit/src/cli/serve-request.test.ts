import { describe, expect, it } from 'vitest'
import { readServeRequest, type ServeWords } from '../../../../src/cli/serve-request.ts'

const read = (words: Partial<ServeWords> = {}, files: readonly string[] = []) =>
  readServeRequest(files, { data: './lunette-data', logLevel: 'info', ...words })

const CHAP = { chapUser: 'alice', chapSecretFile: 'alice.secret' }
const MUTUAL_CHAP = { mutualChapUser: 'target', mutualChapSecretFile: 'target.secret' }

describe('readServeRequest', () => {
  it('without options asks for the default disk, on loopback', () => {
    expect(read()).toEqual({
      files: [],
      sizeBytes: null,
      listen: [{ host: '127.0.0.1', port: 3260 }],
      dataDirectory: './lunette-data',
      targetName: null,
      chap: null,
      mutualChap: null,
      readOnly: false,
      blockLengthBytes: null,
      logLevel: 'info',
    })
  })

  it('takes every option', () => {
    const words = {
      ...CHAP,
      ...MUTUAL_CHAP,
      size: '10G',
      listen: ['[::1]:1', '192.168.1.5'],
      data: 'd',
      targetName: 'IQN.2024-01.com.example:x',
      readOnly: true,
      blockSize: '4096',
      logLevel: 'silent',
    }
    expect(read(words, ['a', 'b'])).toEqual({
      files: ['a', 'b'],
      sizeBytes: 10 * 1024 ** 3,
      listen: [
        { host: '::1', port: 1 },
        { host: '192.168.1.5', port: 3260 },
      ],
      dataDirectory: 'd',
      targetName: 'iqn.2024-01.com.example:x',
      chap: { user: 'alice', secretFile: 'alice.secret' },
      mutualChap: { user: 'target', secretFile: 'target.secret' },
      readOnly: true,
      blockLengthBytes: 4096,
      logLevel: 'silent',
    })
  })

  it.each<[Partial<ServeWords>, string]>([
    [{ size: '5X' }, '--size 5X is not a size'],
    [{ size: '1000' }, 'no multiple of the block size 512: the next lower one is 512'],
    [{ size: '512', blockSize: '4096' }, 'no multiple of the block size 4096: the least is 4096'],
    [{ blockSize: '1024' }, '--block-size 1024 is not possible: allowed are 512 and 4096'],
    [{ blockSize: '0x200' }, 'allowed are 512 and 4096'],
    [{ logLevel: 'loud' }, 'allowed are fatal, error, warn, info, debug, trace, silent'],
    [{ targetName: 'disk' }, '--target-name disk is not possible: an iSCSI name begins with iqn.'],
    [{ targetName: 'iqn.2024-13.com.example' }, 'iqn.yyyy-mm.reversed.domain'],
    [{ listen: ['nowhere:x'] }, '--listen nowhere:x has a port'],
    [{ listen: ['127.0.0.1', '127.0.0.1:3260'] }, '--listen 127.0.0.1:3260 is given twice'],
    [{ chapUser: 'alice' }, '--chap-user needs --chap-secret-file'],
    [{ chapSecretFile: 'f' }, '--chap-secret-file needs --chap-user'],
    [{ chapUser: '', chapSecretFile: 'f' }, 'not a CHAP name'],
    [{ chapUser: 'a\nb', chapSecretFile: 'f' }, 'not a CHAP name'],
    [{ chapUser: 'a'.repeat(256), chapSecretFile: 'f' }, 'not a CHAP name'],
    [{ chapUser: 'alice', chapSecretFile: '' }, 'name a file'],
    [MUTUAL_CHAP, '--mutual-chap-user needs --chap-user'],
    [{ ...CHAP, mutualChapUser: 'target' }, '--mutual-chap-user needs --mutual-chap-secret-file'],
    [{ data: '' }, '--data is empty'],
  ])('refuses %j and says why', (words, message) => {
    expect(() => read(words)).toThrow(expect.objectContaining({ name: 'UsageError' }))
    expect(() => read(words)).toThrow(message)
  })

  it('refuses an empty file name and more files than LUNs', () => {
    expect(() => read({}, ['a', ''])).toThrow('a FILE is empty')
    expect(() =>
      read(
        {},
        Array.from({ length: 257 }, (_, lun) => `${lun}`),
      ),
    ).toThrow('the most is 256')
  })

  it('lets two portals ask for any free port', () => {
    expect(read({ listen: ['127.0.0.1:0', '127.0.0.1:0'] }).listen).toHaveLength(2)
  })
})

describe('listening beyond this machine', () => {
  it.each(['0.0.0.0', '[::]', '192.168.1.5', 'san.example.com'])(
    'at %s is refused without authentication, naming both ways out',
    (address) => {
      for (const listen of [[address], ['127.0.0.1', address]]) {
        expect(() => read({ listen })).toThrow(/--chap-user .* --allow-unauthenticated/)
        expect(read({ listen, ...CHAP }).listen).toHaveLength(listen.length)
        expect(read({ listen, allowUnauthenticated: true }).listen).toHaveLength(listen.length)
      }
    },
  )

  it.each(['127.0.0.1', '127.1.2.3:1', '[::1]', 'localhost'])('is not what %s does', (address) => {
    expect(read({ listen: [address] }).listen).toHaveLength(1)
  })
})
