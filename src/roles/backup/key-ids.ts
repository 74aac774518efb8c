import { readTextFile } from '../../platform/files/atomic-file.js';
import { parseKeys } from '../../platform/secrets/key-file.js';

const SEALED = /sealed:v1:([0-9a-f]{8}):/g;

/** Adds the ids of the keys that sealed anything in the text. */
export function collectKeyIds(text: string, into: Set<string>): void {
  for (const [, id] of text.matchAll(SEALED)) if (id !== undefined) into.add(id);
}

/** The ids of the keys in a key file; `undefined` when there is no such file. @throws DomainError `key-file-malformed` */
export async function keyIdsOf(keyFile: string): Promise<Set<string> | undefined> {
  const text = await readTextFile(keyFile);
  return text === undefined ? undefined : new Set(parseKeys(text, keyFile).map(({ id }) => id));
}
