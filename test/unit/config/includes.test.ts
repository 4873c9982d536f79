import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load-config.ts';
import { checkRoutes } from '../../../src/gateway/live-routes.ts';
import { temporaryDirectory } from '../../support/test-gateway.ts';

function write(files: Record<string, string>): string {
  const directory = temporaryDirectory();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return join(directory, 'parley.yaml');
}

const load = (files: Record<string, string>) => loadConfig({ file: write(files), environment: {}, check: checkRoutes });

describe('a configuration of several files', () => {
  it('joins names, and lists what is included before its own, in order', () => {
    const config = load({
      'parley.yaml':
        'include: [shared.yaml, "teams/*.yaml"]\nport: 1\nmodels: { own: practice }\nroutes:\n  - { name: default, model: own }\n',
      'shared.yaml':
        'upstreams:\n  - { name: practice, wire: practice }\ntemplates: { calm: { retry: { attempts: 0 } } }\nroutes:\n  - { name: shared, match: { task: s }, model: own }\n',
      'teams/b.yaml': 'routes: [{ name: b, match: { team: b }, use: calm, model: practice }]',
      'teams/a.yaml': 'include: a/more.yaml\nroutes: [{ name: a, match: { team: a }, model: practice }]',
      'teams/a/more.yaml': 'flags: { f: {} }\nroutes: [{ name: more, match: { flag: f, team: a }, model: practice }]',
    });
    expect(config.routes.map(({ name }) => name)).toEqual(['shared', 'more', 'a', 'b', 'default']);
    expect(config.port).toBe(1);
  });

  it.each([
    [
      'a name that two files give',
      { 'parley.yaml': 'include: b.yaml\nmodels: { x: practice }', 'b.yaml': 'models: { x: practice }' },
      /parley\.yaml:2:11: “models\.x” is given in another file/,
    ],
    [
      'what an included file may not hold',
      { 'parley.yaml': 'include: b.yaml', 'b.yaml': '\nport: 1' },
      /b\.yaml:2:1: “port” cannot stand in an included file/,
    ],
    ['a file that includes itself', { 'parley.yaml': 'include: parley.yaml' }, /included more than once/],
    [
      'a file that is not there',
      { 'parley.yaml': 'include: [nope.yaml]' },
      /parley\.yaml:1:1: .*nope\.yaml cannot be read/,
    ],
    ['a directory that is not there', { 'parley.yaml': 'include: ["nope/*.yaml"]' }, /directory .*nope cannot be read/],
    [
      'a key that is none, in its own file',
      { 'parley.yaml': 'include: b.yaml', 'b.yaml': 'routes:\n  - { name: r, modle: x }' },
      /b\.yaml:2:16: .*modle/,
    ],
    [
      'a model that is none, in its own file',
      { 'parley.yaml': 'include: b.yaml', 'b.yaml': 'routes:\n  - name: r\n    model: nope' },
      /b\.yaml:3:5: “routes\.0\.model”: there is no .*nope/,
    ],
    [
      'an upstream that cannot be made',
      { 'parley.yaml': 'upstreams:\n  - { name: x, wire: openai-chat, baseUrl: "http://a:b@c/v1", defaultModel: m }' },
      /user name or password/,
    ],
  ])('%s is refused with its place', (_what, files, problem) => {
    expect(() => load(files as unknown as Record<string, string>)).toThrow(problem);
  });
});
