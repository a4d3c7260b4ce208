/** The load as a process of its own: options as JSON in, the result as JSON out. */

import { type LoadOptions, runLoad } from './load-initiator.ts'

const { sizeBytes, ...options }: LoadOptions & { readonly sizeBytes: number } = JSON.parse(process.argv[2]!)
process.stdout.write(JSON.stringify(await runLoad(options, sizeBytes)))
