import { expect, test } from 'vitest';
import { readArguments } from '../../../bench/arguments.ts';

const known = { suites: ['cpu', 'delay'], peers: ['nginx', 'ws'] };
const read = (...args: string[]) => readArguments(args, known, '2026-01-02');

test('without arguments everything is measured, beside everybody, into the file of the day', () => {
  expect(read()).toEqual({
    suites: ['cpu', 'delay'],
    peers: ['nginx', 'ws'],
    isQuick: false,
    out: 'bench/results/2026-01-02',
  });
});

test('suites and peers are chosen by name', () => {
  expect(read('delay', '--peers', 'ws', '--quick')).toMatchObject({ suites: ['delay'], peers: ['ws'], isQuick: true });
  expect(read('--no-peers')).toMatchObject({ peers: [] });
  expect(read('--out', 'here/mine.json')).toMatchObject({ out: 'here/mine' });
  expect(read('--no-file').out).toBeUndefined();
});

test('an unknown name is refused with those that there are', () => {
  expect(() => read('memory')).toThrow('There is no bench “memory”; choose from cpu, delay.');
  expect(() => read('--peers', 'ws,envoy')).toThrow('There is no peer “envoy”; choose from nginx, ws.');
  expect(() => read('--fast')).toThrow('--fast');
});
