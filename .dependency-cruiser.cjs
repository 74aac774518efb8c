// The one-way imports of the source tree: roles → backends, companion, … → platform, and drivers → ports.

const ports = ['-driver\\.ts$', '^src/alertmanager-companion/companion-api\\.ts$'];

/** A package wherever npm put it. */
const packages = (...names) => `node_modules/(${names.join('|')})(/|$)`;

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one file, or miss a third that both can use.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolvable',
      comment: 'The file or package does not exist.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-undeclared-packages',
      comment: 'What runs in production stands under `dependencies`.',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'platform-at-the-bottom',
      comment: 'What everything stands on knows nothing of what stands on it.',
      severity: 'error',
      from: { path: '^src/platform/' },
      to: { path: '^src/', pathNot: '^src/platform/' },
    },
    {
      name: 'drivers-know-ports-only',
      comment:
        'A driver implements a port (`*-driver.ts`, the companion API) and never reaches into the backend behind it.',
      severity: 'error',
      from: { path: '^src/drivers/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^src/', pathNot: ['^src/(drivers|platform)/', ...ports] },
    },
    {
      name: 'drivers-are-picked-by-roles',
      comment: 'Only a composition root decides which driver stands behind a port.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(roles|drivers)/' },
      to: { path: '^src/drivers/' },
    },
    {
      name: 'roles-on-top',
      comment: 'A composition root is started by `main.ts`, never used by what it composes.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(roles/|main\\.ts$)' },
      to: { path: '^src/roles/' },
    },
    {
      name: 'companion-through-its-api',
      comment: 'The companion is another process: outside it, only the wire contract is known.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(alertmanager-companion/|roles/|main\\.ts$)' },
      to: { path: '^src/alertmanager-companion/', pathNot: ports },
    },
    {
      name: 'companion-stands-alone',
      comment: 'The companion is no part of a backend.',
      severity: 'error',
      from: { path: '^src/alertmanager-companion/' },
      to: { path: '^src/', pathNot: '^src/(alertmanager-companion|platform)/' },
    },
    {
      name: 'companion-without-framework',
      comment: 'It is small and quick to start: nothing it imports, however far down, may load Nest.',
      severity: 'error',
      from: { path: '^src/alertmanager-companion/' },
      to: { path: packages('@nestjs/[^/]+'), reachable: true },
    },
    {
      name: 'libsql-behind-the-store',
      comment: 'Only the SQLite adapter of the object store knows its database.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/platform/store/' },
      to: { path: packages('libsql') },
    },
    {
      name: 'x509-behind-tls',
      comment: 'Certificates are made in one place; the endpoint test makes its own throw-away authority.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(platform/tls|alertmanager-companion/endpoint-tests)/' },
      to: { path: packages('@peculiar/x509') },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
    },
  },
};
