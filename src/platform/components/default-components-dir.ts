import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** Where downloaded and built programs are kept unless the setting `componentsDir` says otherwise (XDG cache directory). */
export function defaultComponentsDir(env: NodeJS.ProcessEnv = process.env): string {
  const cache = env['XDG_CACHE_HOME'];
  const home = env['HOME'] ?? homedir();
  // A relative XDG directory is to be ignored, says the XDG Base Directory Specification.
  return join(cache !== undefined && isAbsolute(cache) ? cache : join(home, '.cache'), 'opni', 'components');
}
