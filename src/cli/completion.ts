/** `lunette completion SHELL`: a script for the shell, which asks `lunette complete` what may follow. */

import tab from '@bomb.sh/tab/commander'
import type { Command } from 'commander'

/** Call when every other command is there: each becomes a word that the shell completes. */
export function addCompletion(program: Command): void {
  tab(program, { completionCommandName: 'completion' })
  for (const name of ['completion', 'complete']) {
    const command = program.commands.find((candidate) => candidate.name() === name)
    command?.helpOption('--help', 'print this help').summary('print what makes a shell complete our words')
  }
}
