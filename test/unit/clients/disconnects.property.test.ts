import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Client, Session, Turn } from '../../../clients/shared/api.ts';
import { ModelGateway } from './support/model-gateway.ts';
import { createScene, type FakeSocket, type Scene, settle } from './support/scene.ts';

interface Step {
  act: 'up' | 'down' | 'say' | 'tool' | 'end' | 'send' | 'cancel' | 'drop' | 'goaway' | 'wait' | 'check' | 'epoch';
  /** Which of several, or how much. */
  n: number;
}

/** How often each act comes: enough traffic between the losses that two connections overlap in mid-stream. */
const weights: [Step['act'], number][] = [
  ['up', 6],
  ['down', 6],
  ['say', 8],
  ['tool', 1],
  ['end', 1],
  ['send', 2],
  ['cancel', 1],
  ['drop', 1],
  ['goaway', 2],
  ['wait', 2],
  ['check', 1],
];
const step: fc.Arbitrary<Step> = fc.record({
  act: fc.constantFrom(...weights.flatMap(([act, weight]) => Array<Step['act']>(weight).fill(act))),
  n: fc.nat(1_000),
});
const steps = fc.array(step, { minLength: 50, maxLength: 400, size: 'max' });
const texts = ['a', 'some words ', '😀', 'naïve — 中文 ', '👩‍👩‍👧 family'];

/** What one reader of a turn saw. */
interface Reading {
  turn: Turn;
  text: string;
  calls: string[];
  failure: { code?: string } | undefined;
  finished: Promise<void>;
}

class World {
  readonly scene: Scene;
  readonly model: ModelGateway;
  readonly readings: Reading[] = [];
  #session: Session | undefined;
  #client: Client | undefined;

  constructor(seed: number) {
    this.scene = createScene();
    let state = seed + 1;
    const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    this.model = new ModelGateway(random);
    this.scene.randoms.shift = random;
  }

  get session(): Session {
    return this.#session!;
  }

  async start(): Promise<void> {
    const connecting = this.scene.connect();
    await this.flush();
    this.#client = await connecting;
    const opening = this.#client.session('s1');
    await this.flush();
    this.#session = await opening;
  }

  async take({ act, n }: Step): Promise<void> {
    const socket = this.scene.sockets.at(-1 - (n % 2)) ?? this.scene.sockets[0]!;
    if (act === 'up') this.#open(socket, () => this.model.up(socket));
    else if (act === 'down') this.model.down(socket, 1 + (n % 4));
    else if (act === 'say') this.model.say(texts[n % texts.length]!);
    else if (act === 'tool') this.model.callTool();
    else if (act === 'end') this.model.end();
    else if (act === 'send') this.#send(n);
    else if (act === 'cancel') void this.readings[n % (this.readings.length || 1)]?.turn.cancel();
    else if (act === 'drop') socket.drop(n % 3 === 0 ? 4001 : 1006);
    else if (act === 'goaway') this.model.goaway(socket);
    else if (act === 'wait') this.scene.clock.advance(n * 4);
    else if (act === 'check') this.#client!.check();
    else this.#changeEpoch();
    await settle();
  }

  /** Everything that is on its way arrives. */
  async flush(): Promise<void> {
    for (let moved = true; moved; ) {
      await settle();
      moved = false;
      for (const socket of this.scene.sockets) {
        this.#open(socket, () => {});
        while (this.model.up(socket)) moved = true;
        while (this.model.down(socket, 3)) moved = true;
      }
    }
  }

  /** The network is well again and the model answers everything. */
  async heal(): Promise<void> {
    for (let round = 0; round < 10 || (round < 100 && this.model.running !== undefined); round++) {
      await this.flush();
      this.model.end();
      this.scene.clock.advance(3_000);
    }
    await this.flush();
    const open = this.readings.filter(({ turn }) => turn.status === 'sending' || turn.status === 'running');
    expect(open.map(({ turn }) => turn)).toEqual([]);
    await Promise.all(this.readings.map(({ finished }) => finished));
  }

  #open(socket: FakeSocket, then: () => void): void {
    if (socket.messages.length === 0 && socket.ended === undefined) socket.open();
    then();
  }

  #send(n: number): void {
    const turn = this.session.send(`input ${n}`, { onBusy: 'queue' });
    const reading: Reading = { turn, text: '', calls: [], failure: undefined, finished: Promise.resolve() };
    reading.finished = (async () => {
      try {
        for await (const part of turn) {
          if (part.type === 'text') reading.text += part.text;
          if (part.type !== 'tool-call') continue;
          reading.calls.push(part.call);
          void turn.toolResult(part.call, { output: part.call });
        }
      } catch (error) {
        reading.failure = error as { code?: string };
      }
    })();
    this.readings.push(reading);
  }

  #changeEpoch(): void {
    this.model.epoch += '+';
    for (const socket of this.scene.sockets) socket.drop();
  }
}

async function run(seed: number, path: Step[]): Promise<World> {
  const world = new World(seed);
  await world.start();
  for (const one of path) await world.take(one);
  await world.heal();
  for (const { turn } of world.readings) {
    const run = world.model.turns.get(turn.id);
    const result = await turn.done;
    // a turn that the gateway never saw was cancelled before it was sent
    expect(result).toMatchObject(
      run === undefined ? { status: 'cancelled', text: '' } : { status: run.status, text: run.text },
    );
  }
  const handles = new Set(world.readings.map(({ turn }) => turn.id));
  expect([...world.model.turns.keys()].filter((id) => !handles.has(id))).toEqual([]);
  expect(world.session.cursor).toBe(world.model.head);
  expect(new Set(world.model.toolResults).size).toBe(world.model.toolResults.length);
  expect(world.scene.errors).toEqual([]);
  expect(world.scene.states.at(-1)).toBe('live');
  return world;
}

test('whatever connections are lost when, every turn runs once and every reader sees its exact text', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), steps, async (seed, path) => {
      const { readings } = await run(seed, path);
      for (const { turn, text, failure } of readings) {
        expect(failure).toBeUndefined();
        expect(text).toBe(turn.partialText);
      }
    }),
    { numRuns: 300 },
  );
});

test('a change of epoch in between costs readers their place, never a wrong text', async () => {
  const withEpochs = fc.array(
    fc.oneof({ weight: 60, arbitrary: step }, { weight: 1, arbitrary: fc.constant<Step>({ act: 'epoch', n: 0 }) }),
    {
      minLength: 20,
      maxLength: 150,
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.nat(), withEpochs, async (seed, path) => {
      const { readings } = await run(seed, path);
      for (const { turn, text, failure } of readings) {
        if (failure === undefined) expect(text).toBe(turn.partialText);
        else expect(failure.code).toBe('history_lost');
      }
    }),
    { numRuns: 200 },
  );
});
