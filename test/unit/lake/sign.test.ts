import { describe, expect, it } from 'vitest';
import { createSigner, EMPTY, encodeKey, sha256 } from '../../../src/lake/sign.ts';

// The examples of the Amazon S3 API reference, "Signature calculations: transferring payload in a single chunk".
const sign = createSigner(
  { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
  'us-east-1',
);
const host = 'examplebucket.s3.amazonaws.com';
const at = new Date('2013-05-24T00:00:00Z');
const signature = (headers: Record<string, string>) => /Signature=(.*)$/.exec(headers.authorization!)?.[1];

describe('a signature', () => {
  it.each([
    [{ lifecycle: '' }, 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'],
    [{ prefix: 'J', 'max-keys': '2' }, '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'],
  ])('of a request with the query %j is that of the reference', (query, expected) => {
    const headers = sign({ method: 'GET', host, path: '/', query, headers: {}, payload: EMPTY }, at);

    expect(signature(headers)).toBe(expected);
    expect(headers['x-amz-date']).toBe('20130524T000000Z');
  });

  it('of a body, an odd key and further headers is that of the reference', () => {
    const headers = sign(
      {
        method: 'PUT',
        host,
        path: `/${encodeKey('test$file.text')}`,
        query: {},
        headers: { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
        payload: sha256('Welcome to Amazon S3.'),
      },
      at,
    );

    expect(signature(headers)).toBe('98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd');
  });

  it('is of the day on which it is made', () => {
    const next = (day: string) =>
      signature(
        sign({ method: 'GET', host, path: '/', query: {}, headers: {}, payload: EMPTY }, new Date(day)),
      );

    expect(next('2013-05-25T00:00:00Z')).not.toBe(next('2013-05-26T00:00:00Z'));
    expect(next('2013-05-25T00:00:00Z')).toBe(next('2013-05-25T00:00:00Z'));
  });
});

it.each([
  ['a/b-c_d.e~f', 'a/b-c_d.e~f'],
  ["with space/ünï(1)'*!", 'with%20space/%C3%BCn%C3%AF%281%29%27%2A%21'],
  ['e\u0301', 'e%CC%81'],
  ['a+b&c=d?e#f%20', 'a%2Bb%26c%3Dd%3Fe%23f%2520'],
])('the key %j is %s in a path', (key, path) => {
  expect(encodeKey(key)).toBe(path);
});
