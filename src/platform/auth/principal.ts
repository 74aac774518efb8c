/** Who makes a request. Roles, bindings and audit attach to it. */
export interface Principal {
  /** Stable name, e.g. `administrator` or `anonymous`. */
  subject: string;
  groups: string[];
}

/** `auth.mode: none`: everyone who reaches the loopback address. */
export const ANONYMOUS: Principal = Object.freeze({ subject: 'anonymous', groups: ['opni:admin'] });
