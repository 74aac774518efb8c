import { fileURLToPath } from 'node:url';

/**
 * How to start another role of this program. Children get a small heap's young generation: a companion that only waits
 * should not hold memory for it.
 */
export function thisProgram(): { command: string; args: string[] } {
  return {
    command: process.execPath,
    args: ['--max-semi-space-size=2', fileURLToPath(new URL('../../main.js', import.meta.url))],
  };
}
