import { existsSync, readFileSync } from 'node:fs';
import ssh2 from 'ssh2';
import { type DatamillError, unreachableError } from '../errors.ts';

/** Who logs in, and with what. */
export interface Login {
  user: string;
  /** Private keys, in the order in which they are tried. */
  keys: readonly string[];
  /** Socket of an agent, which is tried first. */
  agent?: string;
  ask?(question: string, how: { hidden: boolean }): Promise<string | undefined>;
}

type Method =
  | { type: 'agent'; username: string; agent: string }
  | { type: 'publickey'; username: string; key: unknown };

/** Passphrases that were given, so that a connection that is made again does not ask again. */
const passphrases = new Map<string, string>();
const TRIES = 3;

/** Hands ssh2 one way to log in after the other; a passphrase is asked for when its turn has come. */
export class Ways {
  /** Why a key could not be used. */
  readonly problems: DatamillError[] = [];
  readonly #login: Login;
  #next = 0;

  constructor(login: Login) {
    this.#login = login;
  }

  async next(): Promise<Method | false> {
    const { user: username, agent, keys } = this.#login;
    const ways = [...(agent === undefined ? [] : [agent]), ...keys];
    for (;;) {
      const way = ways[this.#next++];
      if (way === undefined) return false;
      if (way === agent && this.#next === 1) return { type: 'agent', username, agent };
      const key = await this.#read(way);
      if (key !== undefined) return { type: 'publickey', username, key };
    }
  }

  async #read(file: string): Promise<unknown> {
    if (!existsSync(file)) {
      this.problems.push(
        unreachableError('SSH_KEY', `there is no private key ${file}`, { hint: 'see `key` in the target' }),
      );
      return undefined;
    }
    const text = readFileSync(file);
    for (let tries = 0; tries < TRIES; tries++) {
      const phrase = passphrases.get(file) ?? process.env.DATAMILL_SSH_PASSPHRASE;
      const key = ssh2.utils.parseKey(text, phrase);
      if (!(key instanceof Error)) return Array.isArray(key) ? key[0] : key;
      if (!/passphrase|encrypted|decrypt|integrity/i.test(key.message)) {
        this.problems.push(
          unreachableError('SSH_KEY', `${file} cannot be read as a private key: ${key.message}`),
        );
        return undefined;
      }
      passphrases.delete(file);
      const given = await this.#login.ask?.(`Passphrase of ${file}: `, { hidden: true });
      if (given === undefined) break;
      passphrases.set(file, given);
    }
    this.problems.push(
      unreachableError('SSH_PASSPHRASE', `${file} has a passphrase that is not known`, {
        hint: 'run datamill at a terminal, put the key into an agent (`ssh-add`), or set DATAMILL_SSH_PASSPHRASE',
      }),
    );
    return undefined;
  }
}
