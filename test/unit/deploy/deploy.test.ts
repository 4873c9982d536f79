import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { environmentSettings, loadConfig } from '../../../src/config/load-config.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const read = (name: string): string => readFileSync(`${root}/${name}`, 'utf8');

interface Container {
  image: string;
  env: { name: string; value?: string }[];
  ports: { name: string; containerPort: number }[];
  readinessProbe: { httpGet: { path: string; port: string } };
  livenessProbe: { httpGet: { path: string; port: string } };
  lifecycle: { preStop: { exec: { command: string[] } } };
}

test('the Dockerfile copies what exists, runs as a user, and starts the built command', () => {
  const text = read('Dockerfile');
  for (const [, source] of text.matchAll(/^COPY (?!--from)((?:\S+ )+)\S+$/gm)) {
    for (const name of source!.trim().split(' ')) expect(existsSync(`${root}/${name}`), name).toBe(true);
  }
  expect(text).toMatch(/^USER node$/m);
  expect(text).toMatch(/^HEALTHCHECK /m);
  expect(text.lastIndexOf('USER node')).toBeGreaterThan(text.lastIndexOf('FROM '));
});

test('compose.yaml names settings that exist and gives a stop longer than the drain', () => {
  const { services } = parse(read('compose.yaml')) as {
    services: Record<string, { environment?: Record<string, string>; stop_grace_period?: string; command?: string[] }>;
  };
  const names = Object.keys(services.parley!.environment!);
  expect(names.filter((name) => name.startsWith('PARLEY_') && !(name in environmentSettings))).toEqual([]);
  const { drainMs, store } = loadConfig({ environment: { PARLEY_STORE: services.parley!.environment!.PARLEY_STORE } });
  expect(store).toBe('redis://redis:6379');
  expect(Number.parseInt(services.parley!.stop_grace_period!, 10) * 1_000).toBeGreaterThan(drainMs);
  expect(services.redis!.command).toEqual(expect.arrayContaining(['noeviction', '--appendonly']));
});

test('the Kubernetes manifests fit together: probes, ports, drain within the grace period, disruption budget', () => {
  const documents = parseAllDocuments(read('deploy/kubernetes.yaml')).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as { kind: string; spec: Record<string, never> };
  });
  expect(documents.map(({ kind }) => kind)).toEqual(['Deployment', 'Service', 'PodDisruptionBudget']);
  const spec = documents[0]!.spec as unknown as {
    replicas: number;
    selector: { matchLabels: object };
    template: {
      metadata: { labels: object };
      spec: { terminationGracePeriodSeconds: number; containers: Container[] };
    };
  };
  const container = spec.template.spec.containers[0]!;
  expect(spec.template.metadata.labels).toEqual(spec.selector.matchLabels);
  expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: container.ports[0]!.name });
  expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: container.ports[0]!.name });
  const variables = Object.fromEntries(container.env.map(({ name, value }) => [name, value]));
  const { drainMs } = loadConfig({
    environment: { PARLEY_DRAIN_MS: variables.PARLEY_DRAIN_MS, PARLEY_STORE: variables.PARLEY_STORE },
  });
  const sleepMs = Number(container.lifecycle.preStop.exec.command[1]) * 1_000;
  expect(spec.template.spec.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(drainMs + sleepMs + 5_000);
  expect(container.image).toBe(`parley:${(JSON.parse(read('package.json')) as { version: string }).version}`);
  expect(spec.replicas).toBeGreaterThan(1);
});
