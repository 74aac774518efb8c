/** RFC 6901: `['a/b', 0]` is `/a~1b/0`; the whole document is the empty text. */
export function pointerOf(path: readonly (string | number)[]): string {
  return path.map((token) => `/${String(token).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
