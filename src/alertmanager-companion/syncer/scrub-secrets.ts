import { visit } from '../http/parse-json.js';

/** Shorter texts are no secrets worth the name, and taking them out would leave no readable message. */
const MIN_LENGTH = 4;

/**
 * Takes every text that a configuration holds in places where secrets live out of a message about it. Names of
 * receivers stay: a refusal that does not name the receiver is of no use.
 */
export class SecretScrubber {
  readonly #secrets: string[];

  /** @param places values below which every text but a receiver's own `name` is taken for a secret */
  constructor(...places: unknown[]) {
    const found = new Set<string>();
    for (const place of places) {
      visit(place, (value, pointer) => {
        if (typeof value !== 'string' || value.length < MIN_LENGTH) return;
        if (/^\/\d+\/name$/.test(pointer())) return;
        for (const form of formsOf(value)) found.add(form);
      });
    }
    this.#secrets = [...found].toSorted((a, b) => b.length - a.length);
  }

  /** Of a whole configuration: its receivers and its global settings. */
  static of(config: Record<string, unknown>): SecretScrubber {
    return new SecretScrubber(config['receivers'] ?? [], config['global'] ?? {});
  }

  scrub(message: string): string {
    // YAML errors quote the first characters of a value, so that it cannot be found as a whole.
    let clean = message.replace(/(!!\w+) `[^`]*`/g, '$1 `***`');
    for (const secret of this.#secrets) if (clean.includes(secret)) clean = clean.replaceAll(secret, '***');
    return clean;
  }
}

/** A text as it is and as Go and JSON quote it, whole and in the lines it may be broken into. */
function formsOf(value: string): string[] {
  const forms = [value, JSON.stringify(value).slice(1, -1), ...value.split('\n').map((line) => line.trim())];
  try {
    const url = new URL(value);
    forms.push(
      url.href,
      decodeURIComponent(url.password),
      url.password,
      url.pathname + url.search,
      url.pathname,
    );
    forms.push(...url.searchParams.values());
  } catch {
    // Not a URL, or one with broken escapes: the whole text is enough.
  }
  return forms.filter((form) => form.length >= MIN_LENGTH);
}
