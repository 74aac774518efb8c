import { defaultComponentsDir } from '../../src/platform/components/default-components-dir.js';
import { FileComponentCatalogue } from '../../src/platform/components/file-component-catalogue.js';

/** For hooks that call `alertmanagerBinaries`: a new machine downloads or builds first. */
export const ALERTMANAGER_TIMEOUT_MS = 900_000;

let catalogue: FileComponentCatalogue | undefined;

/** Absolute paths of a real Alertmanager and its amtool, from the user's cache: built or downloaded once per machine. */
export async function alertmanagerBinaries(): Promise<{ alertmanager: string; amtool: string }> {
  catalogue ??= new FileComponentCatalogue({
    cacheDir: process.env['OPNI_COMPONENTS_DIR'] ?? defaultComponentsDir(),
    paths: { alertmanager: process.env['OPNI_COMPONENTS_ALERTMANAGER_PATH'] },
    mirror: process.env['OPNI_COMPONENTS_MIRROR'],
  });
  const { binaries } = await catalogue.resolve('alertmanager', {
    // Straight to the terminal: vitest holds back `console` until the test is over.
    onProgress: ({ message }) => process.stderr.write(`${message}\n`),
  });
  const { alertmanager, amtool } = binaries;
  if (alertmanager === undefined || amtool === undefined) throw new Error('the catalogue resolved no amtool');
  return { alertmanager, amtool };
}
