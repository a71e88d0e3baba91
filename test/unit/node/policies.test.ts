import { describe, expect, it } from 'vitest';
import { judge, parseImage } from '../../../src/node/policies.ts';
import { nodeConfig, request } from '../../helpers/node.ts';

const D = `sha256:${'a'.repeat(64)}`;
const E = `sha256:${'b'.repeat(64)}`;

function verdict(image: string, policies: object, more: object = {}) {
  return judge({ ...request({ image }), ...more }, nodeConfig({ policies }));
}

describe('names of images', () => {
  it.each([
    ['avg', { repository: 'docker.io/library/avg' }],
    ['hectorcadavid/avg:1', { repository: 'docker.io/hectorcadavid/avg', tag: '1' }],
    ['host.example:5000/a/b:c', { repository: 'host.example:5000/a/b', tag: 'c' }],
    [`localhost/a@${D}`, { repository: 'localhost/a', digest: D }],
    [`x.y/a:t@${D}`, { repository: 'x.y/a', tag: 't', digest: D }],
  ])('%s', (text, parts) => {
    expect(parseImage(text)).toMatchObject(parts);
  });

  it.each([
    '',
    'A/b',
    'Harbor.example/avg',
    'a b',
    'a/../b',
    '-a',
    'a:',
    'a@sha256:12',
    'a\nb',
    'https://a/b',
    `a${'/b'.repeat(400)}`,
  ])('%j is none', (text) => {
    expect(parseImage(text)).toBeUndefined();
  });
});

describe('allowed algorithms', () => {
  const list = { allowed_algorithms: ['harbor2\\.vantage6\\.ai/[a-z]+/[a-z]+', 'docker.io/me/avg:1'] };

  it.each(['harbor2.vantage6.ai/algorithms/avg', 'me/avg:1', 'docker.io/me/avg:1'])('let %s run', (image) => {
    expect(verdict(image, list)).toEqual({ image });
  });

  it.each([
    'harbor2.vantage6.ai/algorithms/avg-evil',
    'harbor2.vantage6.ai/algorithms/avg:latest',
    'harbor2.vantage6.ai/algorithms/avg/evil',
    'harbor2xvantage6.ai/algorithms/avg',
    'evil.example/harbor2.vantage6.ai/algorithms/avg',
    'me/avg:2',
    'me/avg',
    'me/avg2:1',
    'docker.io/me/avg:1@sha256:short',
    'Harbor2.vantage6.ai/algorithms/avg',
  ])('refuse %s', (image) => {
    expect(verdict(image, list)).toHaveProperty('refused');
  });

  it('run the digest that they name, wherever the tag points', () => {
    const pinned = { allowed_algorithms: [{ name: 'me/avg:1', digest: D }] };

    expect(verdict('me/avg:1', pinned)).toEqual({ image: `docker.io/me/avg@${D}` });
    expect(verdict(`me/avg:1@${D}`, pinned)).toEqual({ image: `docker.io/me/avg@${D}` });
    expect(verdict(`me/avg:1@${E}`, pinned)).toHaveProperty('refused');
  });

  it('take a name without tag for all tags', () => {
    expect(verdict('me/avg:9', { allowed_algorithms: ['me/avg'] })).toEqual({ image: 'me/avg:9' });
  });

  it('ask for a digest when told to', () => {
    expect(verdict('me/avg:1', { require_digest: true })).toHaveProperty('refused');
    expect(verdict(`me/avg:1@${D}`, { require_digest: true })).toEqual({ image: `docker.io/me/avg@${D}` });
  });

  it('refuse all when a pattern is none', () => {
    expect(verdict('me/avg', { allowed_algorithms: ['(('] })).toHaveProperty('refused');
  });
});

describe('users, organizations and stores', () => {
  it('are let in when one of the lists has them', () => {
    const policies = { allowed_users: [7], allowed_organizations: [3] };

    expect(verdict('avg', policies, { userId: 7, initiatorId: 9 })).toHaveProperty('image');
    expect(verdict('avg', policies, { userId: 8, initiatorId: 3 })).toHaveProperty('image');
    expect(verdict('avg', policies, { userId: 8, initiatorId: 9 })).toHaveProperty('refused');
    expect(verdict('avg', policies)).toHaveProperty('refused');
  });

  it('come from stores that are named in full', () => {
    const policies = { allowed_algorithm_stores: ['https://store.example'] };

    expect(verdict('avg', policies, { storeUrl: 'https://store.example/' })).toHaveProperty('image');
    expect(verdict('avg', policies, { storeUrl: 'https://store.example.evil' })).toHaveProperty('refused');
    expect(verdict('avg', policies)).toHaveProperty('refused');
  });

  it('need one list of images or both, as told', () => {
    const both = { allowed_algorithms: ['avg'], allowed_algorithm_stores: ['https://store.example'] };
    const either = { ...both, allow_either_whitelist_or_store: true };

    expect(verdict('avg', both)).toHaveProperty('refused');
    expect(verdict('avg', either)).toHaveProperty('image');
    expect(verdict('other', either, { storeUrl: 'https://store.example' })).toHaveProperty('image');
    expect(verdict('other', either)).toHaveProperty('refused');
  });
});
