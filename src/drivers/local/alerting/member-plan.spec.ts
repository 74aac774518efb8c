import { describe, expect, it } from 'vitest';
import { memberNames, planMember } from './member-plan.js';

const spec = {
  controllers: { replicas: 1 },
  workers: { replicas: 2 },
  retention: '120h',
  logLevel: 'info' as const,
};

describe('member plan', () => {
  it('names controllers before workers', () => {
    expect(memberNames(spec).map((member) => member.name)).toEqual(['controller-0', 'worker-0', 'worker-1']);
  });

  it('keeps Alertmanager on loopback and out of a cluster, with each flag once', () => {
    const plan = planMember({
      spec,
      member: {
        name: 'controller-0',
        set: 'controller',
        directory: '/d/controller-0',
        ports: { alertmanager: 1, companion: 2, probe: 3 },
      },
      binaries: { alertmanager: '/bin/alertmanager', amtool: '/bin/amtool' },
      self: { command: '/node', args: ['/main.js'] },
    });
    const flags = plan.alertmanager.args.map((argument) => argument.split('=')[0]);
    expect(new Set(flags).size).toBe(flags.length);
    expect(plan.alertmanager.args).toContain('--web.listen-address=127.0.0.1:1');
    expect(plan.alertmanager.args).toContain('--config.file=/d/controller-0/companion/alertmanager.yml');
    expect(plan.companion.args).toEqual([
      '/main.js',
      'alertmanager-companion',
      '--config',
      '/d/controller-0/companion.json',
    ]);
    expect(plan.companionSettings).toMatchObject({
      listen: '127.0.0.1:2',
      probeListen: '127.0.0.1:3',
      alertmanagerUrl: 'http://127.0.0.1:1',
    });
  });

  it('makes a companion with other settings another program', () => {
    const environment = (port: number): Record<string, string> =>
      planMember({
        spec,
        member: {
          name: 'controller-0',
          set: 'controller',
          directory: '/d/controller-0',
          ports: { alertmanager: port, companion: 2, probe: 3 },
        },
        binaries: { alertmanager: '/bin/alertmanager', amtool: '/bin/amtool' },
        self: { command: '/node', args: ['/main.js'] },
      }).companion.env;
    expect(environment(1)).toEqual(environment(1));
    expect(environment(1)).not.toEqual(environment(4));
  });
});
