import { registerDecorator } from 'class-validator';

const FORM = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)|[eE]([+-]?\d{1,3}))?$/;
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const MAX_LENGTH = 64;

/** The number of a Kubernetes quantity such as `500m`, `1.5Gi` or `1e3`; `undefined` when the text is none. */
export function parseKubernetesQuantity(text: string): number | undefined {
  const [, digits, suffix = '', exponent] = text.length > MAX_LENGTH ? [] : (FORM.exec(text) ?? []);
  if (digits === undefined) return undefined;
  const number = Number(digits);
  if (exponent !== undefined) return number * 10 ** Number(exponent);
  const binary = BINARY.indexOf(suffix);
  return binary > 0 ? number * 1024 ** binary : number * 1000 ** (DECIMAL.indexOf(suffix) - 3);
}

/** For DTO fields that hold a quantity as text, e.g. of memory or of CPUs. It must be more than nothing. */
export function IsKubernetesQuantity(): PropertyDecorator {
  return (target, name) =>
    registerDecorator({
      name: 'isKubernetesQuantity',
      target: target.constructor,
      propertyName: String(name),
      validator: {
        validate: (value: unknown): boolean =>
          typeof value === 'string' && (parseKubernetesQuantity(value) ?? 0) > 0,
        defaultMessage: () =>
          'must be a quantity of Kubernetes above zero, such as 500m, 2 or 1.5Gi, as text',
      },
    });
}
