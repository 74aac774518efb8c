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

/** What is wrong with an http(s) URL of a receiver, or nothing. Templates (`{{ … }}`) are Alertmanager's to check. */
export function isReceiverUrl(value: unknown): boolean {
  if (typeof value !== 'string' || value.length > MAX_URL_LENGTH || /\s/.test(value)) return false;
  if (!/^https?:\/\/[^/?#]/i.test(value)) return false;
  if (value.includes('{{')) return true;
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  return url.hostname !== '' && url.username === '' && url.password === '';
}

/** An absolute http or https URL without credentials in it: those have secret fields of their own. */
export const IsHttpUrl = rule(
  'isHttpUrl',
  isReceiverUrl,
  '$property must be an absolute http:// or https:// URL without user name, password and white space; put credentials into http_config',
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
export const IsStringMap = rule(
  'isStringMap',
  isStringMap,
  '$property must be an object whose values are all texts',
);

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_FIELDS = ['values', 'secrets'];

function isHttpHeaders(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(
    ([name, header]: [string, unknown]) =>
      HEADER_NAME.test(name) &&
      typeof header === 'object' &&
      header !== null &&
      !Array.isArray(header) &&
      Object.entries(header).every(
        ([field, texts]: [string, unknown]) =>
          HEADER_FIELDS.includes(field) &&
          Array.isArray(texts) &&
          texts.every((text) => typeof text === 'string' && !/[\r\n\0]/.test(text)),
      ),
  );
}

/** `{"<header name>": {"values": […], "secrets": […]}}`; files are not allowed. */
export const IsHttpHeaders = rule(
  'isHttpHeaders',
  isHttpHeaders,
  '$property must map header names to {"values": ["…"], "secrets": ["…"]}, all texts on one line',
);
