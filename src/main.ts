#!/usr/bin/env node
import { runProgram } from './cli/program.ts';

// a store that answers no more, or a client that reconnects, must not keep the process
process.exit(await runProgram(process.argv.slice(2)));
