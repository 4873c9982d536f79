import { judged } from '../../../bench/report/judge.ts';
import { type Figure, fileVersion, type Goal, type ResultFile, type ResultRow } from '../../../bench/result.ts';

export function sampleRow(figures: Record<string, number | undefined>, goal?: Goal): ResultRow {
  return {
    id: 'cpu-per-token',
    suite: 'cpu',
    measure: 'CPU per streamed token',
    unit: 'µs',
    better: 'less',
    method: 'User and system time of all processes.',
    ...(goal === undefined ? {} : { goal }),
    figures: Object.entries(figures).map(
      ([of, value]): Figure => ({ of, name: `<${of}>`, ...(value === undefined ? { note: 'it broke' } : { value }) }),
    ),
  };
}

export function sampleResult(...rows: ResultRow[]): ResultFile {
  return {
    format: 'parley-side-by-side',
    version: fileVersion,
    at: '2026-01-02T03:04:05.678Z',
    finishedAt: '2026-01-02T03:24:05.678Z',
    commit: 'abc1234',
    command: 'npm run bench',
    machine: {
      cpu: 'EPYC',
      cores: 2,
      memoryBytes: 24 * 2 ** 30,
      platform: 'Linux 6 x64',
      node: 'v20.20.2',
      loadBefore: 0.1,
    },
    contenders: ['parley', 'nginx'].map((id) => ({
      id,
      name: `<${id}>`,
      version: '1',
      does: 'passes bytes on',
      cancelledBy: 'closing the connection',
    })),
    absent: [],
    rows: rows.map(judged),
  };
}
