import { loadConfig } from '../config/load-config.ts';
import { createUpstreams } from '../gateway/create-upstreams.ts';
import { createRouterOf, needsLanguage } from '../gateway/live-routes.ts';
import { tokensForModel } from '../gateway/model-tokens.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { RouteDecision, RouteTrace, TargetGroup } from '../routing/contract.ts';
import { loadLanguageDetector } from '../routing/load-language-detector.ts';
import { CommandError } from './command-error.ts';

export interface RouteExplainFlags {
  config?: string;
  tenant?: string;
  team?: string;
  tier?: string;
  task?: string;
  model?: string;
  route?: string;
  session?: string;
  language?: string;
  text?: string;
  inputTokens?: string;
  metadata?: string[];
  at?: string;
  json?: boolean;
}

/** Prints which rules a turn meets and where it goes. */
export async function explainRoute(flags: RouteExplainFlags): Promise<void> {
  const config = loadConfig({ file: flags.config });
  const upstreams = createUpstreams(config.upstreams);
  const wallMs = flags.at === undefined ? Date.now() : Date.parse(flags.at);
  if (Number.isNaN(wallMs)) throw new CommandError('--at takes a time such as 2026-11-21T09:30Z.', 2);
  const router = createRouterOf(config, upstreams, {
    wall: () => wallMs,
    ...(needsLanguage(config) ? { detectLanguage: await loadLanguageDetector() } : {}),
  });
  const metadata = metadataOf(flags);
  const traces: RouteTrace[] = [];
  const { tenant = 'default', team, tier, text, route, model, session = 'example' } = flags;
  const inputTokens =
    flags.inputTokens === undefined
      ? text === undefined
        ? undefined
        : tokensForModel(model ?? upstreams[0]!.defaultModel).count(text)
      : Number(flags.inputTokens);
  if (inputTokens !== undefined && !(Number.isInteger(inputTokens) && inputTokens >= 0))
    throw new CommandError('--input-tokens takes a number of tokens.', 2);
  let decision: RouteDecision;
  try {
    decision = router.route({ route, model, tenant, session, team, tier, metadata, text, inputTokens }, (step) =>
      traces.push(step),
    );
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    if (flags.json !== true) for (const line of traces.map(traceLine)) process.stdout.write(`${line}\n`);
    throw new CommandError(`${error.message} (${error.code})`, 1);
  } finally {
    await Promise.all(upstreams.map((upstream) => upstream.close()));
  }
  if (flags.json === true)
    process.stdout.write(`${JSON.stringify({ rules: traces, ...summaryOf(decision) }, undefined, 2)}\n`);
  else process.stdout.write(`${[...traces.map(traceLine), ...linesOf(decision)].join('\n')}\n`);
}

function metadataOf({ metadata = [], task, language }: RouteExplainFlags): Record<string, string> {
  const entries = metadata.map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1) throw new CommandError(`--metadata takes key=value, not “${pair}”.`, 2);
    return [pair.slice(0, at), pair.slice(at + 1)] as const;
  });
  return {
    ...Object.fromEntries(entries),
    ...(task === undefined ? {} : { task }),
    ...(language === undefined ? {} : { language }),
  };
}

function traceLine({ route, matched, because }: RouteTrace): string {
  return matched ? `✓ ${route}: matches` : `✗ ${route}: ${because}`;
}

function summaryOf({ route, variant, group, fallback, policy, strategy, shadow, onCrash }: RouteDecision): object {
  return {
    route,
    variant,
    targets: targetsOf(group),
    fallback: fallback.map((step) => ({ targets: targetsOf(step.group), on: [...step.on] })),
    strategy: strategy?.kind,
    shadow: shadow === undefined ? undefined : targetsOf(shadow),
    policy,
    onCrash,
  };
}

function linesOf({ route, variant, group, fallback, policy, strategy, shadow }: RouteDecision): string[] {
  const lines = [
    route === undefined
      ? 'No rule is taken: the model that was asked for, else the first upstream’s.'
      : `Route: ${route}`,
  ];
  if (variant !== undefined) lines.push(`Variant: ${variant}`);
  if (strategy?.kind === 'cascade')
    lines.push(`First: ${targetsOf(strategy.first).join(', ')}, and where that is not good enough:`);
  if (strategy?.kind === 'ensemble')
    lines.push(`All of: ${strategy.groups.flatMap(targetsOf).join(', ')}; shown is: ${strategy.pick}`);
  else lines.push(`Target: ${targetsOf(group).join(', ')}`);
  for (const step of fallback)
    lines.push(`Fallback: ${targetsOf(step.group).join(', ')} on ${[...step.on].join(', ')}`);
  if (shadow !== undefined) lines.push(`Shadow: ${targetsOf(shadow).join(', ')}`);
  lines.push(`After ${policy.retries + 1} attempts the next fallback; an answer that breaks: ${policy.onBreak}`);
  if (policy.hedgeAfterMs !== undefined) lines.push(`A second call after ${policy.hedgeAfterMs} ms of silence`);
  return lines;
}

function targetsOf({ targets }: TargetGroup): string[] {
  return targets.map(({ key, weight }) => (targets.length > 1 ? `${key} (weight ${weight})` : key));
}
