#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { Command, CommanderError } from 'commander';
import { accessCommands } from './cli/access.ts';
import { clusterCommands } from './cli/cluster.ts';
import { configurationCommands } from './cli/configuration.ts';
import { dataCommands } from './cli/data.ts';
import { debugCommands } from './cli/debug.ts';
import { devCommands } from './cli/dev.ts';
import { nodeCommands } from './cli/node.ts';
import { operateCommands } from './cli/operate.ts';
import { pipelineCommands } from './cli/pipeline.ts';
import { platformCommands } from './cli/platform.ts';
import { runnerCommands } from './cli/runner.ts';
import { secretsCommands } from './cli/secrets.ts';
import { toolsCommands } from './cli/tools.ts';
import { tunnelCommands } from './cli/tunnel.ts';
import { version } from './util/version.ts';

// Only commander is loaded here: each command imports what it needs when it is called, so that
// `--help` costs next to nothing.

// Most runs are over before code that V8 optimises pays off: with its usual budget Node 20 spends a
// third of the CPU time of resolving a flavour on that. Later versions have a cheap tier between.
if (process.version.startsWith('v20.')) setFlagsFromString('--interrupt-budget=500000');

const program = new Command('datamill')
  .description('Turns a short YAML file into a running data and machine-learning platform on Kubernetes.')
  .version(version)
  .showHelpAfterError('(datamill --help shows all commands)')
  .configureHelp({ sortSubcommands: false })
  // A command and one below it may have flags of the same name: `tunnel -n a`, `tunnel list -n b`.
  .enablePositionalOptions()
  .exitOverride();

platformCommands(program);
operateCommands(program);
debugCommands(program);
accessCommands(program);
secretsCommands(program);
clusterCommands(program);
dataCommands(program);
configurationCommands(program);
pipelineCommands(program);
nodeCommands(program);
tunnelCommands(program);
devCommands(program);
runnerCommands(program);
toolsCommands(program);

program.addHelpText(
  'after',
  `
First steps:
  datamill up              install the default flavour on a rehearsal cluster of this machine
  datamill status          see how it is
  datamill down            take it away again`,
);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Help and version end with 0; a wrong word or flag is a usage error.
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
