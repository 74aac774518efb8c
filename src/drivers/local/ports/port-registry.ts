import { createHash } from 'node:crypto';
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError, messageOf } from '../../../platform/errors.js';
import { readJsonFile, writeJsonFile } from '../../../platform/files/json-file.js';
import { ensurePrivateDirectory } from '../../../platform/files/private-directory.js';
import { SerialQueue } from '../serial-queue.js';
import type { SupervisorLogger } from '../supervisor/supervisor-options.js';
import { portIsFree } from './port-is-free.js';
import { choosePortRange, parseEphemeralRange, portsFrom, type PortRange } from './port-range.js';

export interface PortRegistryOptions {
  /** Holds `ports.json`; made when missing. */
  stateDir: string;
  logger?: SupervisorLogger;
  /** Default: what `choosePortRange` makes of this machine's ephemeral range. */
  range?: PortRange;
}

/** Linux' own default. */
const DEFAULT_EPHEMERAL: PortRange = { first: 32_768, last: 60_999 };

/**
 * Which local port belongs to which name, the same over restarts. A port is proved free (TCP and UDP, 127.0.0.1) when
 * it is chosen; who finds it taken later asks for another with `replace`.
 */
export class PortRegistry {
  readonly #options: PortRegistryOptions;
  readonly #path: string;
  #ports: Map<string, number> | undefined;
  readonly #queue = new SerialQueue();

  constructor(options: PortRegistryOptions) {
    this.#options = options;
    this.#path = join(options.stateDir, 'ports.json');
  }

  /** The port of this name, chosen and persisted by the first call. @throws DomainError `no-free-port`, or the file's */
  port(name: string): Promise<number> {
    return this.#exclusively(
      async (ports) => ports.get(name) ?? (await this.#choose(ports, name, undefined)),
    );
  }

  /** Another port for this name, as its own is taken by someone else. */
  replace(name: string): Promise<number> {
    return this.#exclusively((ports) => this.#choose(ports, name, ports.get(name)));
  }

  /** Gives the port of this name back; an unknown name is fine. */
  release(name: string): Promise<void> {
    return this.#exclusively(async (ports) => {
      if (ports.has(name)) await this.#commit(new Map([...ports].filter(([key]) => key !== name)));
    });
  }

  async #choose(ports: Map<string, number>, name: string, avoid: number | undefined): Promise<number> {
    const range = this.#options.range ?? choosePortRange(await readEphemeralRange());
    const taken = new Set(ports.values());
    const seed = createHash('sha256').update(`${this.#path}\0${name}`).digest().readUInt32BE(0);
    for (const port of portsFrom(range, seed)) {
      if (port === avoid || taken.has(port) || !(await portIsFree(port))) continue;
      await this.#commit(new Map(ports).set(name, port));
      return port;
    }
    throw new DomainError({
      category: 'unavailable',
      code: 'no-free-port',
      detail: `No port from ${range.first} to ${range.last} is free on 127.0.0.1 for "${name}". Stop programs that listen there.`,
    });
  }

  /** Memory follows the file, never the other way round. */
  async #commit(ports: Map<string, number>): Promise<void> {
    await writeJsonFile(this.#path, Object.fromEntries(ports));
    this.#ports = ports;
  }

  async #load(): Promise<Map<string, number>> {
    await ensurePrivateDirectory(this.#options.stateDir);
    let reason: string;
    try {
      const value = await readJsonFile(this.#path);
      const ports = value === undefined ? new Map<string, number>() : parsePorts(value);
      if (ports) return ports;
      reason = 'it does not hold distinct ports by name';
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'file-corrupt') throw error;
      reason = messageOf(error);
    }
    const aside = `${this.#path}.corrupt`;
    await rename(this.#path, aside);
    this.#options.logger?.error(
      { file: this.#path, movedTo: aside, reason },
      'The port file is corrupt; ports are chosen anew and the programs that use them restart',
    );
    return new Map();
  }

  #exclusively<T>(operation: (ports: Map<string, number>) => Promise<T>): Promise<T> {
    return this.#queue.run(async () => {
      this.#ports ??= await this.#load();
      return operation(this.#ports);
    });
  }
}

/** `null` unless it is an object of distinct port numbers. */
function parsePorts(value: unknown): Map<string, number> | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const entries = Object.entries(value as Record<string, unknown>);
  const ports = new Map<string, number>();
  for (const [name, port] of entries) {
    if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) return null;
    ports.set(name, port);
  }
  return new Set(ports.values()).size === ports.size ? ports : null;
}

async function readEphemeralRange(): Promise<PortRange> {
  const text = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').catch(() => '');
  return parseEphemeralRange(text) ?? DEFAULT_EPHEMERAL;
}
