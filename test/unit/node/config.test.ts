import { describe, expect, it } from 'vitest';
import { serverUrl } from '../../../src/node/config.ts';
import { nodeConfig } from '../../helpers/node.ts';

describe('node.yaml', () => {
  it('needs no more than a server', () => {
    const config = nodeConfig();

    expect(config).toMatchObject({ namespace: 'v6-node', jobs: { namespace: 'v6-jobs', retries: 0 } });
    expect(serverUrl(config)).toBe('http://127.0.0.1:5000');
  });

  it.each([
    ['10.0.0.1', 'http://10.0.0.1:5000'],
    ['http://server.v6', 'http://server.v6:5000'],
    ['https://v6.example:443', 'https://v6.example'],
    ['https://v6.example:8443/', 'https://v6.example:8443'],
  ])('finds the server at %s', (server_ip, url) => {
    expect(serverUrl(nodeConfig({ server: { server_ip } }))).toBe(url);
  });

  it.each([
    ['a label that is a path', { databases: [{ label: '../../etc', uri: 'claim://a/b' }] }, /label/],
    ['a label that is a variable', { databases: [{ label: 'A=B', uri: 'claim://a/b' }] }, /label/],
    [
      'two labels that differ in case',
      { databases: ['ab', 'AB'].map((label) => ({ label, uri: 'claim://a/b' })) },
      /two databases/,
    ],
    ['a database elsewhere', { databases: [{ label: 'a', uri: 'http://a/b' }] }, /claim:/],
    ['a file of the host, unasked', { databases: [{ label: 'a', uri: 'file:///etc/passwd' }] }, /host_path/],
    ['a half-hearted word', { isolation: { unenforced: 'yes' } }, /unenforced/],
    ['an unknown key', { jobs: { retry: 1 } }, /retries/],
    ['root', { jobs: { user: 0 } }, /user/],
    ['a key file that is not there', { api_key_file: 'none' }, /cannot be read/],
  ])('refuses %s', (_, more, words) => {
    const error = (() => {
      try {
        nodeConfig(more);
      } catch (thrown) {
        return thrown as Error & { exitCode: number; hint?: string };
      }
      return undefined;
    })();

    expect(error?.exitCode).toBe(2);
    expect(`${error?.message} ${error?.hint}`).toMatch(words);
  });
});
