import { Injectable } from '@nestjs/common';
import { messageOf } from '../errors.js';

/** `ok` and `unknown` let traffic in, `failed` does not. */
export interface ReadinessState {
  state: 'ok' | 'unknown' | 'failed';
  message?: string;
}

/** Answers now, without waiting for anything slow. Throwing is `failed`. */
export type ReadinessCheck = () => ReadinessState | Promise<ReadinessState>;

export interface ReadinessReport {
  ready: boolean;
  checks: Record<string, ReadinessState>;
  /** States of what the service runs; they never decide. */
  components: Record<string, ReadinessState>;
}

/** A check that hangs is a failed check. */
const CHECK_DEADLINE = 2000;
/** Probes give up after 1 s by default: what does not decide must not make the answer late. */
const COMPONENT_DEADLINE = 500;

/** What `/readyz` asks. Each part adds its own checks when it starts. */
@Injectable()
export class ReadinessRegistry {
  private readonly checks = new Map<string, ReadinessCheck>();
  private readonly components = new Map<string, ReadinessCheck>();
  private readonly drain = new AbortController();

  /** Aborts when the service begins to stop; streams end themselves on it. */
  readonly draining: AbortSignal = this.drain.signal;

  /** A check that must hold before traffic is let in. Answers a function that removes it. */
  addCheck(name: string, check: ReadinessCheck): () => void {
    return add(this.checks, name, check);
  }

  /** A state that `/readyz` shows without depending on it. */
  addComponent(name: string, check: ReadinessCheck): () => void {
    return add(this.components, name, check);
  }

  startDraining(): void {
    this.drain.abort();
  }

  async report(): Promise<ReadinessReport> {
    const [checks, components] = await Promise.all([
      runAll(this.checks, CHECK_DEADLINE, 'failed'),
      runAll(this.components, COMPONENT_DEADLINE, 'unknown'),
    ]);
    if (this.draining.aborted) checks['service'] = { state: 'failed', message: 'is stopping' };
    return { ready: Object.values(checks).every(({ state }) => state !== 'failed'), checks, components };
  }
}

function add(checks: Map<string, ReadinessCheck>, name: string, check: ReadinessCheck): () => void {
  if (checks.has(name)) throw new Error(`There is already a readiness check named "${name}".`);
  checks.set(name, check);
  return () => {
    if (checks.get(name) === check) checks.delete(name);
  };
}

async function runAll(
  checks: Map<string, ReadinessCheck>,
  deadline: number,
  late: ReadinessState['state'],
): Promise<Record<string, ReadinessState>> {
  const entries = [...checks].map(
    async ([name, check]) => [name, await runOne(check, deadline, late)] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

async function runOne(
  check: ReadinessCheck,
  deadline: number,
  lateState: ReadinessState['state'],
): Promise<ReadinessState> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<ReadinessState>((resolve) => {
    timer = setTimeout(() => resolve({ state: lateState, message: 'did not answer in time' }), deadline);
  });
  try {
    return await Promise.race([Promise.resolve().then(check), late]);
  } catch (error) {
    return { state: 'failed', message: messageOf(error) };
  } finally {
    clearTimeout(timer);
  }
}
