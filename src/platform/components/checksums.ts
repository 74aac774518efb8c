const LINE = /^([0-9A-Fa-f]{64})[ \t]+\*?(\S.*?)\s*$/;

/**
 * Finds a file's SHA-256 in the sums file of a release (lines as `sha256sum` writes them).
 * @returns lower-case hex; `undefined` when the file is not named or is named with two different sums
 */
export function findChecksum(sums: string, file: string): string | undefined {
  const found = new Set<string>();
  for (const line of sums.split('\n')) {
    const match = LINE.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) continue;
    if (match[2].replace(/^\.\//, '') === file) found.add(match[1].toLowerCase());
  }
  const [only] = found;
  return found.size === 1 ? only : undefined;
}
