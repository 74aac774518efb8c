import { parsePatterns, mapLocations } from '../../platform/secrets/secret-patterns.js';
import { REDACTED } from '../../platform/secrets/secret-fields.js';

/** Shorter texts are no secrets worth the name, and stand in every answer. */
const MIN_LENGTH = 4;

/**
 * What a receiver answered, without the secrets that it was sent: some answer with the request they got. A beginning of
 * a secret at the end goes, too, because answers are cut.
 *
 * @param block with its secrets in clear
 */
export function hideSecrets(
  answer: string,
  block: Record<string, unknown>,
  patterns: readonly string[],
): string {
  let shown = answer;
  const forms = formsOf(block, patterns).toSorted((a, b) => b.length - a.length);
  for (const form of forms) shown = shown.replaceAll(form, REDACTED);
  for (const form of forms) {
    for (let length = Math.min(form.length - 1, shown.length); length >= MIN_LENGTH; length -= 1) {
      if (!shown.endsWith(form.slice(0, length))) continue;
      shown = shown.slice(0, -length) + REDACTED;
      break;
    }
  }
  return shown;
}

/** The secrets as they are, and as headers, JSON and forms carry them. */
function formsOf(block: Record<string, unknown>, patterns: readonly string[]): string[] {
  const secrets: string[] = [];
  mapLocations(block, parsePatterns(patterns), '', (value) => {
    if (typeof value === 'string') secrets.push(value);
    return value;
  });
  const basic = (
    block['http_config'] as { basic_auth?: { username?: string; password?: string } } | undefined
  )?.basic_auth;
  if (basic?.password) {
    secrets.push(Buffer.from(`${basic.username ?? ''}:${basic.password}`).toString('base64'));
  }
  return secrets
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])
    .filter((form) => form.length >= MIN_LENGTH);
}
