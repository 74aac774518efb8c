// A gateway that only supervises: made to be killed with -9. Its argument is JSON: {stateDir, specs, readyFiles?}.
// It prints `up` when every spec was ensured.
import { existsSync } from 'node:fs';
import { ProcessSupervisor } from '../../../dist/drivers/local/process-supervisor.js';

const { stateDir, specs } = JSON.parse(process.argv[2]);
const supervisor = new ProcessSupervisor({ stateDir });
process.stdout.write('begins\n');
for (const spec of specs) {
  await supervisor.ensure({ ...spec, ready: async () => existsSync(spec.cwd) });
}
process.stdout.write('up\n');
