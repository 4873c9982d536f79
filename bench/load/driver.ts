import type { DriverMessage, Job, MeasureName, Measures, Progress, Target } from './job.ts';
import { measureCancel } from './measures/cancel-latency.ts';
import { measureCpu } from './measures/cpu-per-token.ts';
import { measureDelay } from './measures/added-delay.ts';
import { measureMemory } from './measures/idle-memory.ts';
import { measureTurns } from './measures/turns-per-second.ts';

/** The process that makes the load of one measure: takes a job from its parent and answers its figures. */
const measures: {
  [Name in MeasureName]: (
    target: Target,
    options: Measures[Name]['options'],
    progress: Progress,
  ) => Promise<Measures[Name]['answer']>;
} = { cpu: measureCpu, delay: measureDelay, turns: measureTurns, memory: measureMemory, cancel: measureCancel };

const tell = (message: DriverMessage): void => void process.send!(message);

process.once('message', ({ measure, target, options }: Job) => {
  const run = measures[measure] as (target: Target, options: object, progress: Progress) => Promise<object>;
  run(target, options, (progress) => tell({ progress })).then(
    (answer) => tell({ answer }),
    (error: Error) => tell({ failure: error.message }),
  );
});
