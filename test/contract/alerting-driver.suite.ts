import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type {
  AlertingDriver,
  AlertingObservation,
  AlertingSpec,
  ApplyOptions,
} from '../../src/alerting-backend/alerting-driver.js';
import { eventually } from '../support/eventually.js';

/** A place where one driver runs real members; made anew for each test. */
export interface AlertingDriverHarness {
  driver: AlertingDriver;
  /**
   * What names one run of each program of each member and changes when it is started anew: pids with start times, UIDs of
   * pods with restart counts. Empty when nothing runs.
   */
  runs(): Promise<Record<string, string>>;
  /** Kills one member's Alertmanager the hard way. */
  killAlertmanager(member: string): Promise<void>;
  /** Lets go of the driver without stopping anything. @returns another one for the same place, that has applied nothing yet */
  replaceDriver(): Promise<AlertingDriver>;
  /** Whether anything that members persist is still there. */
  hasData(): Promise<boolean>;
  /** Texts that must never be in a plan; read while members run. */
  secrets(): Promise<string[]>;
  /** Stops and removes everything. */
  dispose(): Promise<void>;
}

export interface AlertingDriverSuiteOptions {
  name: string;
  create: () => Promise<AlertingDriverHarness>;
  /** Specs that this driver cannot honour, by the pointer that it must name. */
  unsupported: { pointer: string; spec: AlertingSpec }[];
  /** Milliseconds for members to become ready. */
  readyTimeout: number;
}

export const STANDALONE: AlertingSpec = {
  controllers: { replicas: 1 },
  workers: { replicas: 0 },
  retention: '120h',
  logLevel: 'info',
};

/** What every adapter of the `AlertingDriver` port promises, with real Alertmanagers and companions. */
export function alertingDriverSuite(options: AlertingDriverSuiteOptions): void {
  const { create, unsupported, readyTimeout } = options;
  const timeout = 4 * readyTimeout;

  describe(`AlertingDriver: ${options.name}`, { timeout }, () => {
    let harness: AlertingDriverHarness;
    beforeEach(async () => {
      harness = await create();
    }, timeout);
    afterEach(() => harness.dispose(), timeout);

    const apply = (spec: AlertingSpec, driver = harness.driver, change: Partial<ApplyOptions> = {}) =>
      driver.apply(spec, {
        signal: AbortSignal.timeout(readyTimeout),
        onProgress: () => undefined,
        ...change,
      });

    const ready = (driver = harness.driver): Promise<AlertingObservation> =>
      eventually(
        'every member is ready',
        async () => {
          const observation = await driver.observe();
          const { members, workloads } = observation;
          if (
            workloads.length > 0 &&
            workloads.every((workload) => workload.ready === workload.desired) &&
            members.every((member) => member.companionUrl !== null)
          )
            return observation;
          throw new Error(JSON.stringify(observation));
        },
        readyTimeout,
      );

    it('has observed nothing before anything was applied', async () => {
      expect(await harness.driver.observe()).toMatchObject({ members: [], workloads: [] });
      expect(await harness.runs()).toEqual({});
    });

    it('runs what was applied, and says where, which version, and how many are ready', async () => {
      const steps: string[] = [];
      await apply(STANDALONE, harness.driver, { onProgress: (step) => steps.push(step) });
      const { members, workloads, version } = await ready();
      expect(members).toEqual([
        {
          name: 'controller-0',
          set: 'controller',
          companionUrl: expect.stringMatching(/^https:\/\/[^/]+:\d+$/) as string,
          pid: members[0]?.pid,
        },
      ]);
      expect(workloads).toEqual([{ name: 'controllers', desired: 1, ready: 1, reason: null, message: null }]);
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
      expect(new Set(steps)).toContain('start-members');
      expect(Object.keys(await harness.runs()).length).toBeGreaterThan(0);
    });

    it('changes nothing when the same spec is applied again, once or many times at once', async () => {
      await apply(STANDALONE);
      const before = [await ready(), await harness.runs()];
      await apply(STANDALONE);
      await Promise.all([apply(STANDALONE), apply(STANDALONE), apply(STANDALONE)]);
      expect([await ready(), await harness.runs()]).toEqual(before);
    });

    it('restarts a member for a changed spec, and keeps its name and data', async () => {
      await apply(STANDALONE);
      await ready();
      const before = await harness.runs();
      await apply({ ...STANDALONE, retention: '240h' });
      await ready();
      const after = await harness.runs();
      expect(Object.keys(after)).toEqual(Object.keys(before));
      expect(after).not.toEqual(before);
      expect(await harness.hasData()).toBe(true);
    });

    it('tells those who watch of changes, until they stop watching', async () => {
      let told = 0;
      let others = 0;
      const stop = harness.driver.watch(() => (told += 1));
      const stopOther = harness.driver.watch(() => (others += 1));
      await apply(STANDALONE);
      await ready();
      expect(told).toBeGreaterThan(0);
      stop();
      const before = told;
      const othersBefore = others;
      await harness.killAlertmanager('controller-0');
      await eventually('the other one is told', () => others > othersBefore, readyTimeout);
      stopOther();
      expect(told).toBe(before);
    });

    it('a watcher that asks again after each call ends with the truth', async () => {
      let last: AlertingObservation | undefined;
      const stop = harness.driver.watch(() => {
        void harness.driver.observe().then((observation) => (last = observation));
      });
      try {
        await apply(STANDALONE);
        await eventually('it saw the members ready', () => last?.workloads[0]?.ready === 1, readyTimeout);
        await harness.driver.remove({ deleteData: false, signal: AbortSignal.timeout(readyTimeout) });
        await eventually('it saw them go', () => last?.workloads.length === 0, readyTimeout);
      } finally {
        stop();
      }
    });

    it('plans without doing: what changes, how hard, and the manifests without secrets', async () => {
      const first = await harness.driver.plan(STANDALONE);
      expect(first.changes.join('\n')).toContain('controller-0');
      expect(first.impact).not.toBe('none');
      expect(first.manifests.length).toBeGreaterThan(0);
      expect(await harness.runs()).toEqual({});
      expect((await harness.driver.observe()).members).toEqual([]);

      await apply(STANDALONE);
      await ready();
      const runs = await harness.runs();
      expect(await harness.driver.plan(STANDALONE)).toMatchObject({ changes: [], impact: 'none' });
      const text = JSON.stringify([first, await harness.driver.plan(STANDALONE)]);
      expect(text).not.toContain('PRIVATE KEY');
      for (const secret of await harness.secrets()) expect(text).not.toContain(secret);
      expect(await harness.runs()).toEqual(runs);
    });

    it('plans a restart for a change that restarts', async () => {
      await apply(STANDALONE);
      await ready();
      const plan = await harness.driver.plan({ ...STANDALONE, retention: '240h' });
      expect(plan.changes.length).toBeGreaterThan(0);
      expect(['restart', 'recreate']).toContain(plan.impact);
    });

    it('brings back a member that was killed, and shows both', async () => {
      await apply(STANDALONE);
      await ready();
      const before = await harness.runs();
      let seen: string | null = null;
      const problem = async (): Promise<string | null> => {
        const [workload] = (await harness.driver.observe()).workloads;
        return workload && workload.ready < workload.desired
          ? `${workload.reason}: ${workload.message}`
          : null;
      };
      const stop = harness.driver.watch(() => {
        void problem().then((found) => (seen ??= found));
      });
      await harness.killAlertmanager('controller-0');
      await eventually('its end is seen, with a reason', () => seen !== null, readyTimeout);
      expect(seen).toMatch(/^[A-Z][A-Za-z]+: \w/);
      await ready();
      stop();
      const after = await harness.runs();
      expect(Object.keys(after)).toEqual(Object.keys(before));
      expect(after).not.toEqual(before);
    });

    it('removes what runs and keeps its data, then the data too; again is fine', async () => {
      const remove = (deleteData: boolean): Promise<void> =>
        harness.driver.remove({ deleteData, signal: AbortSignal.timeout(readyTimeout) });
      await apply(STANDALONE);
      await ready();
      await remove(false);
      expect(await harness.driver.observe()).toMatchObject({ members: [], workloads: [] });
      await eventually('nothing runs', async () => Object.keys(await harness.runs()).length === 0);
      expect(await harness.hasData()).toBe(true);
      await remove(false);
      await apply(STANDALONE);
      await ready();
      await remove(true);
      await eventually('nothing runs', async () => Object.keys(await harness.runs()).length === 0);
      expect(await harness.hasData()).toBe(false);
      await remove(true);
      await apply(STANDALONE);
      await ready();
    });

    it('removes what an earlier driver has left, without having applied anything', async () => {
      await apply(STANDALONE);
      await ready();
      const next = await harness.replaceDriver();
      await next.remove({ deleteData: true, signal: AbortSignal.timeout(readyTimeout) });
      await eventually('nothing runs', async () => Object.keys(await harness.runs()).length === 0);
      expect(await harness.hasData()).toBe(false);
    });

    it('takes over what an earlier driver has left running', async () => {
      await apply(STANDALONE);
      const { members } = await ready();
      const before = await harness.runs();
      const next = await harness.replaceDriver();
      expect(await harness.runs()).toEqual(before);
      await apply(STANDALONE, next);
      const observation = await ready(next);
      expect(await harness.runs()).toEqual(before);
      expect(observation.members).toEqual(members);
    });

    it('names what of a spec it cannot honour, and nothing else', () => {
      expect(harness.driver.supports(STANDALONE)).toEqual([]);
      for (const { pointer, spec } of unsupported) {
        const found = harness.driver.supports(spec);
        expect(found.map((each) => each.pointer)).toEqual([pointer]);
        expect(found[0]?.reason).toMatch(/\w/);
      }
    });

    it('starts nothing when the signal is aborted already', async () => {
      const reason = new Error('nobody waits any more');
      await expect(apply(STANDALONE, harness.driver, { signal: AbortSignal.abort(reason) })).rejects.toThrow(
        /\w/,
      );
      expect(await harness.runs()).toEqual({});
      await apply(STANDALONE);
      await ready();
    });

    it('stops waiting when the signal is aborted, and goes on with the next apply', async () => {
      const abort = new AbortController();
      const applying = apply(STANDALONE, harness.driver, {
        signal: abort.signal,
        onProgress: (step) => {
          if (step === 'start-members') abort.abort(new Error('nobody waits any more'));
        },
      });
      await expect(applying).rejects.toThrow(/\w/);
      await apply(STANDALONE);
      await ready();
    });
  });
}
