/** One reason why the service does not start. */
export interface ConfigurationFinding {
  /** Path of the setting, e.g. `auth.mode`, where there is one. */
  setting?: string;
  /** Where the value came from: `opni.yaml:3` or the name of a variable. */
  origin?: string;
  /** What is wrong and what to do, as a sentence. */
  message: string;
}

/** All that is wrong with the configuration at once; `message` is for the terminal. Never repeats a value that may be secret. */
export class ConfigurationError extends Error {
  constructor(readonly findings: ConfigurationFinding[]) {
    super(
      ['The configuration is not valid, so nothing was started.', ...findings.map(lineOf)].join('\n  - '),
    );
    this.name = 'ConfigurationError';
  }
}

function lineOf({ setting, origin, message }: ConfigurationFinding): string {
  const place = setting && origin && setting !== origin ? `${setting} (${origin})` : (setting ?? origin);
  return place ? `${place}: ${message}` : message;
}
