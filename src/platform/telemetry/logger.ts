import type { LoggerService } from '@nestjs/common';
import {
  pino as createPino,
  stdTimeFunctions,
  type DestinationStream,
  type Logger as PinoLogger,
  type LoggerOptions,
} from 'pino';
import type { Settings } from '../configuration/settings.js';

/** Members of a logged object that are never written, should someone log a request or a configuration whole. */
const REDACTED = [
  'authorization',
  'password',
  'token',
  'secret',
  'headers.authorization',
  'headers.cookie',
  '*.authorization',
  '*.password',
  '*.token',
  '*.secret',
];

/** What Nest says of itself while it starts: a line per module and route. */
const FRAMEWORK_CONTEXTS = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
]);

/**
 * Nest's logger over pino: services log with `new Logger(Name)` of `@nestjs/common`, hooks on the request path with
 * `pino` itself.
 */
export class ServiceLogger implements LoggerService {
  constructor(readonly pino: PinoLogger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.write(FRAMEWORK_CONTEXTS.has(String(rest.at(-1))) ? 'debug' : 'info', message, rest);
  }
  error(message: unknown, ...rest: unknown[]): void {
    // Nest logs what `listen` throws, too; whoever called it says it better.
    const said = rest.at(-1) === 'NestApplication' && String(message).startsWith('Error: listen E');
    this.write(said ? 'debug' : 'error', message, rest);
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }
  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('trace', message, rest);
  }
  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }

  /** Nest passes `(message, …details, context)`, and `(message, stack, context)` for errors. */
  private write(
    level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal',
    message: unknown,
    rest: unknown[],
  ): void {
    const texts = rest.filter((part): part is string => typeof part === 'string');
    const details = rest.filter((part) => typeof part !== 'string' && part !== undefined);
    const context = texts.pop();
    const fields: Record<string, unknown> = {
      ...(context !== undefined && { context }),
      ...(texts.length > 0 && { stack: texts.join('\n') }),
      ...(details.length === 1 ? describe(details[0]) : details.length > 1 && { details }),
    };
    if (message instanceof Error) this.pino[level]({ ...fields, err: message });
    else if (typeof message === 'object' && message !== null) this.pino[level]({ ...fields, ...message });
    else this.pino[level](fields, String(message));
  }
}

function describe(detail: unknown): Record<string, unknown> {
  if (detail instanceof Error) return { err: detail };
  return typeof detail === 'object' && detail !== null ? { ...detail } : { detail };
}

/** JSON lines, or text for people; to standard output unless told otherwise. */
export async function createLogger(
  settings: Pick<Settings, 'logLevel' | 'logFormat'>,
  destination?: DestinationStream,
): Promise<ServiceLogger> {
  const common = {
    level: settings.logLevel,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    redact: { paths: REDACTED, censor: '***' },
  };
  if (settings.logFormat === 'pretty') {
    const { default: pretty } = await import('pino-pretty');
    const stream = pretty({ translateTime: 'SYS:HH:MM:ss.l', ...(destination && { destination }) });
    return new ServiceLogger(createPino(common, stream));
  }
  const json: LoggerOptions = { ...common, formatters: { level: (label) => ({ level: label }) } };
  return new ServiceLogger(destination ? createPino(json, destination) : createPino(json));
}
