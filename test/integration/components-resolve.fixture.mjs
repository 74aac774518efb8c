// A process that resolves alertmanager and prints, line by line, its progress and then the result or the error.
// Argument: the options of FileComponentCatalogue as JSON.
import { FileComponentCatalogue } from '../../dist/platform/components/file-component-catalogue.js';

const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

try {
  const catalogue = new FileComponentCatalogue(JSON.parse(process.argv[2]));
  print({
    component: await catalogue.resolve('alertmanager', { onProgress: (progress) => print({ progress }) }),
  });
} catch (error) {
  print({ error: error.message });
}
