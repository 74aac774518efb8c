import { redactSecrets } from '../../platform/secrets/secret-fields.js';
import { RECEIVER_TYPE_NAMES, receiverType } from '../endpoints/receivers/receiver-types.js';
import type { AlertmanagerConfiguration } from './routing-compiler.js';

const SECRET_PATTERNS = RECEIVER_TYPE_NAMES.flatMap((type) =>
  receiverType(type).secrets.map((pattern) => `/receivers/*/${type}_configs/*${pattern}`),
);

/** The compiled configuration as a client may read it. */
export function redactRouting(configuration: AlertmanagerConfiguration): Record<string, unknown> {
  return redactSecrets({ ...configuration }, SECRET_PATTERNS);
}
