import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createUlidMaker } from '../../src/lib/ulid.ts';
import { createGateway, type Gateway, type GatewayOptions } from '../../src/gateway/create-gateway.ts';
import { silentLogger } from '../../src/telemetry/contract.ts';

/** A directory of its own for a test, gone afterwards. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'parley-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A gateway on a free port with a store of its own, closed at the end of the test. */
export async function startTestGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const gateway = await createGateway({
    port: 0,
    data: options.data ?? temporaryDirectory(),
    logger: silentLogger,
    ...options,
  });
  onTestFinished(() => gateway.close());
  return gateway;
}

/** Turn ids. */
export const newTurnId = createUlidMaker(() => Date.now());
