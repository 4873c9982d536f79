import { type Command, Option } from 'commander';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { CreateKeyRequest, Key, KeyWithSecret } from '../auth/key-schemas.ts';
import { defaultConfigFile } from '../config/load-config.ts';
import { gatewayUrl } from './chat.ts';
import { CommandError } from './command-error.ts';
import { durationMs } from './duration.ts';
import type { KeyCommands, KeyFlags } from './key-commands.ts';
import { createRemoteKeys } from './remote-keys.ts';
import { withStoredKeys } from './stored-keys.ts';

interface CreateFlags extends KeyFlags, Pick<CreateKeyRequest, 'tenant' | 'subject' | 'team' | 'tier'> {
  name: string;
  role: string[];
  models?: string[];
  routes?: string[];
  tools?: string[];
  sessions?: string[];
  limit?: string[];
  expires?: string;
}

const dayMs = 24 * 60 * 60_000;

/** Adds `parley keys create`, `list`, `rotate` and `revoke`. */
export function addKeyCommands(program: Command): void {
  const keys = program.command('keys').description('make, list, rotate and revoke API keys');
  withKeyFlags(keys.command('create'))
    .description('make a key; it is shown this once')
    .requiredOption('--name <name>', 'what it is for, to tell it from others')
    .option('--tenant <name>', 'tenant it belongs to (default: default)')
    .option('--subject <name>', 'whom it speaks for (default: key: and its id)')
    .option('--role <name...>', 'what it may do: viewer, user, owner, admin, operator, a role of the configuration', [
      'user',
    ])
    .option('--team <name>', 'fact for the routes')
    .option('--tier <name>', 'set of limits, and a fact for the routes')
    .option('--models <pattern...>', 'models it may use, * for anything (default: all)')
    .option('--routes <pattern...>', 'routes it may use (default: all)')
    .option('--tools <pattern...>', 'tools it may offer to models (default: all)')
    .option('--sessions <pattern...>', 'sessions it sees, {subject} for its subject (default: all of the tenant)')
    .option('--limit <name=number...>', 'limits of its own, such as turnsPerMinute=60')
    .option('--expires <time>', 'when it ends, as 90d, 12h or 2027-01-31 (default: never)')
    .action((flags: CreateFlags) =>
      run(flags, async (service) => {
        const created = await service.create(requestOf(flags));
        show(flags, created);
      }),
    );
  withKeyFlags(keys.command('list'))
    .description('list the keys, without their secrets')
    .option('--tenant <name>', 'of one tenant alone')
    .action((flags: KeyFlags & { tenant?: string }) =>
      run(flags, async (service) => {
        const found: Key[] = [];
        let after: string | undefined;
        do {
          const page = await service.list({ tenant: flags.tenant, after });
          found.push(...page.keys);
          after = page.next;
        } while (after !== undefined);
        if (flags.json === true) process.stdout.write(`${JSON.stringify({ keys: found }, undefined, 2)}\n`);
        else process.stdout.write(found.map((key) => `${lineOf(key)}\n`).join(''));
      }),
    );
  withKeyFlags(keys.command('rotate'))
    .argument('<id>', 'id of the key')
    .description('give a key another secret; those of before go on for a while')
    .option('--overlap <time>', 'how long they do, as 24h or 0s', '24h')
    .action((id: string, flags: KeyFlags & { overlap: string }) =>
      run(flags, async (service) => {
        const overlapSeconds = Math.round(durationMs('--overlap', flags.overlap) / 1_000);
        show(flags, await service.rotate(id, overlapSeconds), id);
      }),
    );
  withKeyFlags(keys.command('revoke'))
    .argument('<id>', 'id of the key')
    .description('end a key for good, with the connections it opened')
    .action((id: string, flags: KeyFlags) =>
      run(flags, async (service) => {
        const key = await service.revoke(id);
        if (key === undefined) throw notFound(id);
        if (flags.json === true) process.stdout.write(`${JSON.stringify({ key }, undefined, 2)}\n`);
        else process.stderr.write(`The key ${id} (${key.name}) is revoked.\n`);
      }),
    );
}

function withKeyFlags(command: Command): Command {
  return command
    .option('-c, --config <file>', `configuration file (default: ${defaultConfigFile}, if there is one)`)
    .option('--store <store>', 'embedded, or an address of Redis (PARLEY_STORE)')
    .option('--data <directory>', 'directory of the embedded store (PARLEY_DATA)')
    .option('-u, --url <address>', 'address of a gateway that runs, instead of its store')
    .addOption(new Option('--key <key>', 'key with the role admin or operator, for --url').env('PARLEY_KEY'))
    .option('--json', 'print JSON')
    .allowExcessArguments(false);
}

async function run(flags: KeyFlags, action: (service: KeyCommands) => Promise<void>): Promise<void> {
  try {
    if (flags.url === undefined) return await withStoredKeys(flags, action);
    if (flags.key === undefined)
      throw new CommandError('--url needs a key with the role admin: give it with --key.', 2);
    await action(createRemoteKeys(gatewayUrl(flags.url), flags.key));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new CommandError(error.message, error.code === 'invalid_frame' ? 2 : 1);
  }
}

function requestOf(flags: CreateFlags): CreateKeyRequest {
  const { name, tenant, subject, role: roles, team, tier, models, routes, tools, sessions, limit, expires } = flags;
  return {
    name,
    tenant,
    subject,
    roles,
    team,
    tier,
    models,
    routes,
    tools,
    sessions,
    limits: limit === undefined ? undefined : limitsOf(limit),
    expiresAt: expires === undefined ? undefined : timeOf(expires),
  };
}

function limitsOf(pairs: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name, number] = /^(\w+)=(\d+(?:\.\d+)?)$/.exec(pair) ?? [];
      if (name === undefined) throw new CommandError(`--limit takes a name and a number, not “${pair}”.`, 2);
      return [name, Number(number)];
    }),
  );
}

function timeOf(text: string): number {
  const at = /^\d{4}-/.test(text) ? Date.parse(text) : Date.now() + durationMs('--expires', text);
  if (Number.isNaN(at)) throw new CommandError('--expires takes a time such as 90d or 2027-01-31.', 2);
  if (at <= Date.now()) throw new CommandError('--expires is in the past.', 2);
  return at;
}

/** The secret alone goes where a program would read it. */
function show(flags: KeyFlags, created: KeyWithSecret | undefined, id = ''): void {
  if (created === undefined) throw notFound(id);
  if (flags.json === true) return void process.stdout.write(`${JSON.stringify(created, undefined, 2)}\n`);
  process.stderr.write(`${lineOf(created.key)}\nKeep the key: it is not shown again.\n`);
  process.stdout.write(`${created.secret}\n`);
}

function notFound(id: string): CommandError {
  return new CommandError(`There is no key “${id}”; its id is what stands between pk_ and the next underscore.`, 1);
}

function lineOf({ id, name, tenant, subject, roles, expiresAt, revokedAt, secrets }: Key): string {
  const state =
    revokedAt !== undefined
      ? `revoked ${dateOf(revokedAt)}`
      : expiresAt === undefined
        ? 'does not expire'
        : `${expiresAt < Date.now() ? 'expired' : 'expires'} ${dateOf(expiresAt)}`;
  const rotating = secrets.length > 1 ? `, ${secrets.length} secrets` : '';
  return `${id}  ${tenant}  ${subject}  ${roles.join(',')}  ${name}  (${state}${rotating})`;
}

function dateOf(at: number): string {
  return new Date(at).toISOString().slice(0, at % dayMs === 0 ? 10 : 16);
}
