// "Who may import whom", so that the drawing in README stays true.
const kernel = '^libs/kernel/';
const middle = '^libs/(as-of|deciding|projecting|reacting|relaying|http|security|composing|standards)/';
const slices =
  '^libs/(customers|interactions|purchases|feedback|surveys|loyalty|merging|segments|satisfaction|timeline|duplicates)/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'kernel-imports-nothing-of-ours',
      severity: 'error',
      from: { path: kernel },
      to: { path: '^(libs|apps)/', pathNot: kernel },
    },
    {
      name: 'kernel-does-no-io',
      severity: 'error',
      from: { path: kernel, pathNot: '\\.spec\\.ts$' },
      to: { path: '(^@nestjs|mongodb|kafkajs|libsql|fastify|^(node:)?(fs|net|http))' },
    },
    {
      name: 'ports-import-only-kernel',
      severity: 'error',
      from: { path: '^libs/(event-store|key-store|read-store|messaging)/' },
      to: { path: '^(libs|apps)/', pathNot: [kernel, '^libs/(sqlite|mongodb)/', '^libs/$1/'] },
    },
    {
      // Whoever runs on embedded stores does not wait for the clients of servers to be loaded.
      name: 'clients-of-servers-are-loaded-when-one-is-named',
      severity: 'error',
      from: {
        path: '^libs/',
        pathNot: ['^libs/mongodb/', '^libs/[^/]+/src/(eventstoredb|mongodb|kafka)/', '/testing/', '\\.spec\\.ts$'],
      },
      to: {
        path: [
          '^libs/mongodb/',
          '^libs/[^/]+/src/(eventstoredb|mongodb|kafka)/',
          '^node_modules/(mongodb|kafkajs|@eventstore/db-client)',
        ],
        pathNot: 'kafka/broker-url\\.ts$',
        dynamic: false,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'what-adapters-share-imports-only-kernel',
      severity: 'error',
      from: { path: '^libs/(sqlite|mongodb)/' },
      to: { path: '^(libs|apps)/', pathNot: [kernel, '^libs/$1/'] },
    },
    {
      name: 'matching-imports-only-kernel',
      severity: 'error',
      from: { path: '^libs/matching/' },
      to: { path: '^(libs|apps)/', pathNot: [kernel, '^libs/matching/'] },
    },
    {
      name: 'rules-of-standards-import-only-each-other-and-kernel',
      severity: 'error',
      from: { path: '^libs/standards/src/rules/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(libs|apps)/', pathNot: [kernel, '^libs/standards/src/rules/'] },
    },
    { name: 'middle-imports-no-slice', severity: 'error', from: { path: middle }, to: { path: [slices, '^apps/'] } },
    {
      name: 'a-slice-knows-another-only-through-its-events',
      severity: 'error',
      from: {
        path: '^libs/(customers|interactions|purchases|feedback|surveys|loyalty|merging|segments|satisfaction|timeline|duplicates)/',
      },
      to: { path: `${slices}|^libs/(product|demo)/`, pathNot: ['^libs/$1/', '^libs/[^/]+/src/[^/]+\\.events\\.ts$'] },
    },
    {
      name: 'projections-are-pure',
      severity: 'error',
      from: { path: '\\.projection\\.ts$' },
      to: {
        path: '(^@nestjs|mongodb|kafkajs|libsql|fastify|libs/(messaging|event-store|key-store|http|deciding)/|^(node:)?(fs|net|http|child_process))',
      },
    },
    { name: 'libs-do-not-import-apps', severity: 'error', from: { path: '^libs/' }, to: { path: '^apps/' } },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^dist/|\\.d\\.ts$)' },
  },
};
