import type { Command } from 'commander';
import { runs, shared } from './flags.ts';

const collect = (value: string, previous: string[] = []) => [...previous, value];

/** Files in the object store of a flavour. */
export function dataCommands(program: Command): void {
  const data = program.command('data').description('files in the object store: push, ls, get, mb, rm');
  runs(
    shared(data.command('push').description('send what is new or changed in the data folder'))
      .option('--bucket <name>', 'only this folder of it; repeatable', collect)
      .option('--prune', 'delete objects that are no longer in the folder, after asking')
      .option('--dry-run', 'show what would be sent, change nothing'),
    async () => (await import('../commands/data.ts')).push,
  );
  runs(
    shared(
      data.command('ls').description('list buckets, or what is in one').argument('[bucket/prefix]'),
    ).option('--recursive', 'list all objects below, not only the next level'),
    async () => (await import('../commands/data.ts')).ls,
  );
  runs(
    shared(
      data
        .command('get')
        .description('fetch an object, or with a slash at the end all below it')
        .argument('<bucket/key>')
        .argument('[file]', 'file or folder to write; - writes to standard output'),
    ),
    async () => (await import('../commands/data.ts')).get,
  );
  runs(
    shared(data.command('mb').description('make a bucket').argument('<bucket>')),
    async () => (await import('../commands/data.ts')).mb,
  );
  runs(
    shared(
      data.command('rm').description('delete an object, or a bucket; asks first').argument('<bucket/key>'),
    ).option('--recursive', 'with all that is in it'),
    async () => (await import('../commands/data.ts')).rm,
  );
}
