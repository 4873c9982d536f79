// The rooms of ARCHITECTURE.md, held by a check: arrows go one way, drivers are imported in one place.
const room = (name) => `^src/${name}/`;
const onlyIn = (name, packagePattern, where) => ({
  name: `${name}-in-one-place`,
  severity: 'error',
  from: { path: '^(src|protocol|clients)/', pathNot: where },
  to: { path: packagePattern },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphan-room', severity: 'error', from: { path: '^src/lib/' }, to: { path: '^(src/(?!lib/)|protocol/|clients/)' } },
    { name: 'protocol-is-a-leaf', severity: 'error', from: { path: '^protocol/' }, to: { path: '^(src|clients|test|bench)/' } },
    {
      name: 'protocol-runs-in-browsers',
      severity: 'error',
      from: { path: '^(protocol|clients/shared|clients/browser|clients/page)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'clients-know-the-wire-alone',
      severity: 'error',
      from: { path: '^clients/' },
      to: { path: '^src/', pathNot: '^src/lib/' },
    },
    { name: 'server-knows-no-client', severity: 'error', from: { path: '^src/(?!main|cli/)' }, to: { path: '^clients/' } },
    {
      name: 'only-the-gateway-assembles',
      severity: 'error',
      from: { path: '^src/(session|turn|context|connection|transport|routing|auth|http|store|upstream|tokens|limits|ledger)/' },
      to: { path: '^src/(gateway|config|cli)/|^src/(main|index)\\.ts$' },
    },
    {
      name: 'session-and-turn-know-no-sockets',
      severity: 'error',
      from: { path: '^src/(session|turn|context|store|upstream|routing|tokens|limits|ledger)/' },
      to: { path: '^src/(connection|transport|http)/' },
    },
    {
      name: 'upstream-by-its-contract',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/((upstream|gateway)/|index\\.ts$)' },
      to: { path: room('upstream'), pathNot: '^src/upstream/(contract|message-text)\\.ts$' },
    },
    {
      name: 'store-by-its-contract',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(store|gateway)/' },
      to: { path: room('store'), pathNot: '^src/store/(contract|record-contract|account-contract|store-error|contiguous-events|redis-address)\\.ts$' },
    },
    {
      name: 'transport-by-its-contract',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(transport|gateway)/' },
      to: { path: room('transport'), pathNot: '^src/transport/contract\\.ts$' },
    },
    {
      name: 'practice-server-stands-alone',
      severity: 'error',
      from: { path: room('practice-server') },
      to: { path: '^(src/(?!practice-server/|lib/|tokens/)|protocol/|clients/)' },
    },
    {
      name: 'load-knows-the-wire-alone',
      severity: 'error',
      from: { path: room('load') },
      to: { path: '^(src/(?!load/|lib/|config/(parse-file|config-error)\\.ts$|practice-server/answer-tokens\\.ts$)|clients/)' },
    },
    { name: 'load-is-a-command', severity: 'error', from: { path: '^src/(?!load/|cli/)' }, to: { path: room('load') } },
    onlyIn('tiktoken', 'node_modules/tiktoken', '^src/tokens/'),
    onlyIn('lmdb', 'node_modules/lmdb', '^src/store/embedded/'),
    onlyIn('ioredis', 'node_modules/ioredis', '^src/store/redis/'),
    onlyIn('undici', 'node_modules/undici', '^src/upstream/'),
    onlyIn('msgpackr', 'node_modules/msgpackr', '^(protocol/codec|clients/browser/browser-codec)\\.ts$'),
    onlyIn('ws', 'node_modules/ws/', '^(src/transport/|src/cli/tail\\.ts$|src/load/load-socket\\.ts$|clients/node/)'),
    onlyIn('pino', 'node_modules/pino', '^src/telemetry/'),
    onlyIn('prom-client', 'node_modules/prom-client', '^src/telemetry/'),
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage|test|bench)/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
};
