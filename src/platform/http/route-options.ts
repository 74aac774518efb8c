import { ApiHeader } from '@nestjs/swagger';

/** Where the Fastify adapter of Nest looks for the `config` of a route. */
const ROUTE_CONFIG = '__fastify_route_config__';

export const JSON_TYPE = 'application/json';
export const MERGE_PATCH_TYPE = 'application/merge-patch+json';
/** Of a JSON body unless the route says otherwise: 2 MiB. */
export const DEFAULT_BODY_LIMIT = 2 * 1024 * 1024;

/** What the hooks around a handler need to know about it; set by the decorators below and in `auth/`. */
export interface RouteOptions {
  /** Open to strangers; `security: []` in the OpenAPI document. */
  public?: boolean;
  /** Media types of the body. Default: a merge patch for PATCH, JSON for the rest. */
  bodyTypes?: string[];
  /** Bytes. */
  bodyLimit?: number;
  /** The handler gets the bytes as they came, even of JSON. */
  rawBody?: boolean;
  /** `null` is a value of this body (never needed for a merge patch). */
  allowNull?: boolean;
  /** PUT accepts what GET returned; names are of top-level members that are dropped unread. */
  readBack?: string[];
  /** The answer's `revision` is sent as `ETag`. */
  etag?: boolean;
  /** Query parameters are taken by a DTO or passed through; without this, any parameter is refused. */
  query?: boolean;
  /** Errors are a JSON text, as the API that the route passes through answers them, and no problems. */
  textErrors?: boolean;
  /** Takes the header `Idempotency-Key`. */
  idempotent?: IdempotentOptions;
}

/** What repetitions of a creation answer. */
export interface IdempotentOptions {
  /** Of a creation whose answer was lost in a crash. */
  status: number;
  /** Top-level members of the answer that are shown once: `null` in repetitions. */
  secretMembers: string[];
}

/** Adds to the options that other decorators of the same method have set. */
export function setRouteOptions(options: RouteOptions): MethodDecorator & ClassDecorator {
  return (target: object, _name?: string | symbol, descriptor?: PropertyDescriptor) => {
    const subjects = descriptor ? [descriptor.value as object] : handlersOf(target);
    for (const subject of subjects) {
      const before = (Reflect.getMetadata(ROUTE_CONFIG, subject) ?? {}) as RouteOptions;
      Reflect.defineMetadata(ROUTE_CONFIG, { ...before, ...options }, subject);
    }
  };
}

function handlersOf(controller: object): object[] {
  const prototype = (controller as { prototype: object }).prototype;
  return Object.getOwnPropertyNames(prototype)
    .filter((name) => name !== 'constructor')
    .map((name) => Object.getOwnPropertyDescriptor(prototype, name)?.value as unknown)
    .filter((value): value is object => typeof value === 'function');
}

/**
 * A body that is not plain JSON, or may be larger than 2 MiB. Bodies of other types, and of all types with `raw`, reach the
 * handler as `Buffer`; `types: ['*\/*']` takes any.
 */
export function RequestBody(options: {
  types?: string[];
  limit?: number;
  raw?: boolean;
  allowNull?: boolean;
}): MethodDecorator {
  return setRouteOptions({
    ...(options.types && { bodyTypes: options.types }),
    ...(options.limit !== undefined && { bodyLimit: options.limit }),
    ...(options.raw !== undefined && { rawBody: options.raw }),
    ...(options.allowNull !== undefined && { allowNull: options.allowNull }),
  });
}

/**
 * For PUT: the body may be what GET returned. `id` must equal the one in the path, `revision` acts as `If-Match`
 * (`@Preconditions()` merges both), `status`, `createdAt`, `updatedAt` and the names in `ignore` are dropped unread.
 */
export function AcceptsReadBack(options: { ignore?: string[] } = {}): MethodDecorator {
  return setRouteOptions({ readBack: ['status', 'createdAt', 'updatedAt', ...(options.ignore ?? [])] });
}

/** The object that the handler returns has a `revision`: it is also sent as strong `ETag`. */
export function WithETag(): MethodDecorator {
  return setRouteOptions({ etag: true });
}

/** Query parameters are read by the handler itself (pass-through to another API). */
export function AnyQuery(): MethodDecorator {
  return setRouteOptions({ query: true });
}

/** Documents a request header from within a parameter decorator. */
export function documentHeader(
  target: object,
  method: string | symbol | undefined,
  header: Parameters<typeof ApiHeader>[0],
): void {
  const descriptor = method === undefined ? undefined : Object.getOwnPropertyDescriptor(target, method);
  if (method !== undefined && descriptor) ApiHeader(header)(target, method, descriptor);
}
