import type { AlertingSpec, Unsupported } from '../../../alerting-backend/alerting-driver.js';

const ONE_MEMBER = 'This version runs one Alertmanager; clusters of several members come next.';
const ON_KUBERNETES = 'The local driver runs processes; this is for Kubernetes.';

/** @param running the version of the Alertmanager that was found; `undefined` before */
export function unsupportedFields(spec: AlertingSpec, running: string | undefined): Unsupported[] {
  const found: Unsupported[] = [];
  const add = (pointer: string, reason: string): unknown => found.push({ pointer, reason });
  if (spec.version !== undefined && running !== undefined && spec.version !== running) {
    add(
      '/version',
      `Alertmanager ${running} was found and runs; the version is chosen by what is installed.`,
    );
  }
  for (const name of Object.keys(spec.image ?? {})) add(`/image/${name}`, ON_KUBERNETES);
  if (spec.controllers.replicas > 1) add('/controllers/replicas', ONE_MEMBER);
  if (spec.controllers.resources) add('/controllers/resources', ON_KUBERNETES);
  if (spec.workers.replicas > 0) add('/workers/replicas', ONE_MEMBER);
  if (spec.workers.resources) add('/workers/resources', ON_KUBERNETES);
  for (const name of Object.keys(spec.cluster ?? {})) add(`/cluster/${name}`, ONE_MEMBER);
  for (const name of Object.keys(spec.storage ?? {})) add(`/storage/${name}`, ON_KUBERNETES);
  return found;
}
