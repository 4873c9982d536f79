import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { ConfigError } from '../config/config-error.ts';
import { defaultConfigFile, loadConfig } from '../config/load-config.ts';
import { withoutRedisPassword } from '../store/redis-address.ts';
import { ParleyError } from '../../clients/node/index.ts';
import { addBenchCommands } from './bench.ts';
import { type ChatFlags, chat, gatewayUrl } from './chat.ts';
import { CommandError } from './command-error.ts';
import { checkRoutes } from '../gateway/live-routes.ts';
import { durationMs } from './duration.ts';
import { addKeyCommands } from './keys.ts';
import { explainRoute, type RouteExplainFlags } from './route-explain.ts';
import { addModelCommands } from './models.ts';
import { addPracticeUpstream } from './practice-upstream.ts';
import { serve } from './serve.ts';
import { serveWorkers } from './serve-workers.ts';
import { type TailFlags, tail } from './tail.ts';
import { addUsageCommand } from './usage.ts';

interface ServeFlags {
  config?: string;
  host?: string;
  port?: string;
  store?: string;
  data?: string;
  durability?: string;
  transport?: string;
  origins?: string;
  logLevel?: string;
  logFormat?: string;
  drainTimeout?: string;
  tlsCertificate?: string;
  tlsKey?: string;
}

/** The command line. Answers the exit code: 0, 1 for a failure, 2 for wrong input. */
export async function runProgram(args: readonly string[]): Promise<number> {
  const program = createProgram(args);
  const [first] = args;
  const commands = program.commands.map((command) => command.name());
  if (first !== undefined && !first.startsWith('-') && ![...commands, 'help'].includes(first)) {
    process.stderr.write(`There is no command “${first}”; choose from ${commands.join(', ')}.\n`);
    return 2;
  }
  try {
    await program.parseAsync(args as string[], { from: 'user' });
    return typeof process.exitCode === 'number' ? process.exitCode : 0;
  } catch (error) {
    return report(error);
  }
}

function report(error: unknown): number {
  // commander has written its own sentence
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof ConfigError) {
    for (const problem of error.problems) process.stderr.write(`${problem}\n`);
    return 2;
  }
  if (error instanceof ParleyError && error.code === 'connection_failed') {
    process.stderr.write(
      `${error.message} Is the gateway running? Start it with “parley serve”, or give its address with --url.\n`,
    );
    return 1;
  }
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return error instanceof CommandError ? error.exitCode : 1;
}

function createProgram(args: readonly string[]): Command {
  const program = new Command('parley')
    .description('A WebSocket-first conversational session gateway for language models.')
    .version(packageVersion(), '-V, --version')
    .exitOverride()
    .showHelpAfterError('Run “parley --help” for the commands and flags.')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, '')) });

  withServeFlags(program.command('serve', { isDefault: true }))
    .description('run the gateway (default)')
    .option('-w, --workers <number>', 'processes on one port, with a store they share', '1')
    .action((flags: ServeFlags & { workers: string }) => {
      const { workers, ...rest } = flags;
      const options = { file: rest.config, flags: settingsOf(rest) };
      const count = Number(workers);
      if (!(Number.isInteger(count) && count >= 1 && count <= 256))
        throw new CommandError('--workers takes a number from 1 to 256.', 2);
      return count === 1 ? serve(options) : serveWorkers(count, withoutWorkers(args), options);
    });

  const config = program.command('config').description('look at the configuration');
  withServeFlags(config.command('check'))
    .description('check file, environment and flags, and print what they amount to')
    .action((flags: ServeFlags) => {
      const loaded = loadConfig({ file: flags.config, flags: settingsOf(flags), check: checkRoutes });
      process.stdout.write(`${JSON.stringify(withoutSecrets(loaded), undefined, 2)}\n`);
    });

  const route = program.command('route').description('look at the routes');
  route
    .command('explain')
    .description('say where a turn would go, and why')
    .option('-c, --config <file>', `configuration file (default: ${defaultConfigFile}, if there is one)`)
    .option('--tenant <name>', 'tenant of the credential (default: default)')
    .option('--team <name>', 'team of the credential (default: the tenant)')
    .option('--tier <name>', 'tier of the credential')
    .option('--task <name>', 'metadata.task of the turn')
    .option('-m, --model <name>', 'model asked for')
    .option('--route <name>', 'route asked for')
    .option('-s, --session <id>', 'session, for shares of sessions')
    .option('--language <code>', 'metadata.language of the turn')
    .option('--text <text>', 'what the user says')
    .option('--input-tokens <number>', 'size of the input')
    .option('--metadata <key=value...>', 'metadata of the turn')
    .option('--at <time>', 'time of the turn (default: now)')
    .option('--json', 'print JSON')
    .allowExcessArguments(false)
    .action((flags: RouteExplainFlags) => explainRoute(flags));

  const defaultUrl = process.env.PARLEY_URL ?? 'http://127.0.0.1:8080';
  const keyFlag = '--key <key>';
  const keyText = 'API key (PARLEY_KEY)';
  program
    .command('chat')
    .description('talk to a gateway from the terminal; Ctrl-C stops an answer, twice leaves')
    .option('-u, --url <address>', 'address of the gateway (PARLEY_URL)', defaultUrl)
    .option('-s, --session <id>', 'session to go on with; without it a new one')
    .option('--system <text>', 'system text of a new session')
    .option('-m, --model <name>', 'model of a new session')
    .option(keyFlag, keyText, process.env.PARLEY_KEY)
    .allowExcessArguments(false)
    .action((flags: ChatFlags) => chat({ ...flags, url: gatewayUrl(flags.url) }));
  program
    .command('tail')
    .argument('<session>', 'id of the session')
    .description('print the frames of a session as JSON lines')
    .option('-u, --url <address>', 'address of the gateway (PARLEY_URL)', defaultUrl)
    .option('--after <position>', 'begin at this position')
    .option('--epoch <id>', 'epoch the position belongs to')
    .option(keyFlag, keyText, process.env.PARLEY_KEY)
    .allowExcessArguments(false)
    .action((session: string, flags: TailFlags) => tail(session, { ...flags, url: gatewayUrl(flags.url) }));
  addModelCommands(program);
  addKeyCommands(program);
  addUsageCommand(program, defaultUrl);
  addPracticeUpstream(program);
  addBenchCommands(program, packageVersion());
  return program;
}

/** The arguments that each worker gets. */
function withoutWorkers(args: readonly string[]): string[] {
  const at = args.findIndex((arg) => arg === '-w' || arg === '--workers');
  return args.filter((arg, i) => !(arg.startsWith('--workers=') || (at !== -1 && (i === at || i === at + 1))));
}

function withServeFlags(command: Command): Command {
  return command
    .option('-c, --config <file>', `configuration file (default: ${defaultConfigFile}, if there is one)`)
    .option('--host <address>', 'address to listen on (HOST; default 127.0.0.1)')
    .option('-p, --port <number>', 'port to listen on, 0 for a free one (PORT; default 8080)')
    .option(
      '--store <store>',
      'embedded, or redis://…, redis-sentinel://… or redis-cluster://… for nodes that share sessions (PARLEY_STORE; default embedded)',
    )
    .option('--data <directory>', 'directory of the embedded store (PARLEY_DATA; default ./parley-data)')
    .addOption(
      new Option('--durability <kind>', 'what a token waits for before it is shown (PARLEY_DURABILITY)').choices([
        'process',
        'disk',
      ]),
    )
    .addOption(
      new Option('--transport <library>', 'socket library (PARLEY_TRANSPORT; default auto)').choices([
        'auto',
        'uws',
        'ws',
      ]),
    )
    .option('--origins <list>', 'origins of other pages that may connect, separated by commas (PARLEY_ORIGINS)')
    .option('--log-level <level>', 'debug, info, warn, error or silent (PARLEY_LOG_LEVEL)')
    .option('--log-format <format>', 'auto, json or pretty (PARLEY_LOG_FORMAT)')
    .option(
      '--drain-timeout <time>',
      'how long running turns get after SIGTERM, as 20s or 500ms (PARLEY_DRAIN_MS; default 20s)',
    )
    .option('--tls-certificate <file>', 'PEM certificate; serves https and wss (PARLEY_TLS_CERTIFICATE)')
    .option('--tls-key <file>', 'PEM key (PARLEY_TLS_KEY)')
    .allowExcessArguments(false);
}

function settingsOf(flags: ServeFlags): Record<string, unknown> {
  const { config: _file, logLevel, logFormat, tlsCertificate, tlsKey, drainTimeout, ...rest } = flags;
  return {
    ...rest,
    drainMs: drainTimeout === undefined ? undefined : durationMs('--drain-timeout', drainTimeout),
    'log.level': logLevel,
    'log.format': logFormat,
    'tls.certificateFile': tlsCertificate,
    'tls.keyFile': tlsKey,
  };
}

/** Names of settings, wherever they stand. A hash of a key is none, but what it is of may be weak. */
const secretSettings = new Set(['apiKey', 'sentinelPassword', 'secret', 'key', 'keyHash', 'token']);

function withoutSecrets(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, item: unknown) => {
      if (secretSettings.has(key) && typeof item === 'string') return '[secret]';
      if (key === 'url' && typeof item === 'string') return withoutCredentials(item);
      if (key === 'apiKeys') return (item as unknown[]).map(() => '[secret]');
      if (key === 'store' && typeof item === 'string') return withoutRedisPassword(item);
      if (key === 'baseUrl' && typeof item === 'string') return withoutCredentials(item);
      // a symmetric key in a key set
      if (key === 'jwks') return '[key set]';
      if (key === 'headers') return Object.fromEntries(Object.keys(item as object).map((name) => [name, '[secret]']));
      return item;
    }),
  );
}

/** An address without user, password and the values of its query. */
function withoutCredentials(address: string): string {
  if (!URL.canParse(address)) return address;
  const url = new URL(address);
  if (url.username !== '' || url.password !== '') {
    url.username = 'secret';
    url.password = '';
  }
  for (const name of url.searchParams.keys()) url.searchParams.set(name, 'secret');
  return url.toString();
}

function packageVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Record<
        string,
        string
      >;
      if (name === 'parley' && version !== undefined) return version;
    } catch {
      // run from source the file is one level nearer
    }
  }
  return '0.0.0';
}
