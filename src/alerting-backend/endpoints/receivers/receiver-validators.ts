import { registerDecorator, type ValidationOptions } from 'class-validator';

const MAX_URL_LENGTH = 8_192;

function rule(name: string, test: (value: unknown) => boolean, message: string) {
  return (options?: ValidationOptions): PropertyDecorator =>
    (target, propertyName) =>
      registerDecorator({
        name,
        target: target.constructor,
        propertyName: propertyName as string,
        options: { message, ...options },
        validator: { validate: test },
      });
}

/** Host as a name, IPv4 or bracketed IPv6; then anything printable with whole percent escapes: what Go and WHATWG agree on. */
const HTTP_URL =
  /^https?:\/\/(?:[A-Za-z0-9_-][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:[/?#](?:[!-$&-[\]-~]|%[0-9A-Fa-f]{2})*)?$/;

/** Whether Alertmanager takes it as an http(s) URL. Templates are not: they would only fail when a page goes out. */
export function isReceiverUrl(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    value.length <= MAX_URL_LENGTH &&
    HTTP_URL.test(value) &&
    !value.includes('{{') &&
    URL.canParse(value)
  );
}

/** An absolute http or https URL without credentials in it: those have secret fields of their own. */
export const IsHttpUrl = rule(
  'isHttpUrl',
  isReceiverUrl,
  'must be an absolute http:// or https:// URL without user name, password, white space and templates; credentials go into http_config',
);

function isStringMap(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((member) => typeof member === 'string')
  );
}

/** An object whose members are all texts. */
export const IsStringMap = rule('isStringMap', isStringMap, 'must be an object whose values are all texts');

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Set by Alertmanager itself, or by fields of their own (prometheus/common `ReservedHeaders`). */
const RESERVED_HEADERS = new Set(
  (
    'authorization host content-encoding content-length content-type user-agent connection keep-alive proxy-authenticate ' +
    'proxy-authorization www-authenticate accept-encoding x-prometheus-remote-write-version ' +
    'x-prometheus-remote-read-version x-prometheus-scrape-timeout-seconds x-amz-date x-amz-security-token x-amz-content-sha256'
  ).split(' '),
);
const HEADER_FIELDS = ['values', 'secrets'];
/** Go sends no header with a control character other than a tab in it; that would only show when a page goes out. */
export const HEADER_VALUE = /^(?:\t|\P{Cc})*$/u;

function isHttpHeaders(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(
    ([name, header]: [string, unknown]) =>
      HEADER_NAME.test(name) &&
      !RESERVED_HEADERS.has(name.toLowerCase()) &&
      typeof header === 'object' &&
      header !== null &&
      !Array.isArray(header) &&
      Object.entries(header).every(
        ([field, texts]: [string, unknown]) =>
          HEADER_FIELDS.includes(field) &&
          Array.isArray(texts) &&
          texts.every((text) => typeof text === 'string' && HEADER_VALUE.test(text)),
      ),
  );
}

/** `{"<header name>": {"values": […], "secrets": […]}}`; files are not allowed. */
export const IsHttpHeaders = rule(
  'isHttpHeaders',
  isHttpHeaders,
  'must map header names to {"values": ["…"], "secrets": ["…"]}, all texts on one line without control characters, and not name a header that Alertmanager sets itself (Authorization, Content-Type …)',
);
