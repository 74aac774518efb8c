import type { Settings } from '../../platform/configuration/settings.js';
import type { ServiceLogger } from '../../platform/telemetry/logger.js';

/**
 * Says where the gateway listens and what to do first. The log gets one line; the text for a person goes beside it, to
 * standard error where standard output is JSON for a machine.
 */
export function welcome(url: string, settings: Settings, logger: ServiceLogger): void {
  logger.log(
    { url, dataDir: settings.dataDir, driver: settings.driver, msg: `Listening on ${url}` },
    'Gateway',
  );
  const token =
    settings.auth.mode === 'token'
      ? ` \\\n    -H "Authorization: Bearer $(cat ${settings.dataDir}/admin-token)"`
      : '';
  (settings.logFormat === 'pretty' ? process.stdout : process.stderr).write(`
  Swagger UI     ${url}/docs
  Data           ${settings.dataDir}

  Paste this first; it answers when the alerting backend runs:

  curl -X PUT '${url}/api/v1/alerting/installation?wait=5m'${token}

`);
}
