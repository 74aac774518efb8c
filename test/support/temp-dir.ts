import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** An empty directory that is removed when the test ends. */
export async function tempDir(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'opni-test-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
