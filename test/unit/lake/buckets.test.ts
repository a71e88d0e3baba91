import { expect, it } from 'vitest';
import { bucketProblem } from '../../../src/lake/buckets.ts';
import { checkBucketNames } from '../../../src/lake/index.ts';

it.each(['abc', 'my-bucket', 'a.b.c', '1two', 'x'.repeat(63), 'a-b.c-d'])('S3 takes the name %s', (name) => {
  expect(bucketProblem(name)).toBeUndefined();
});

it.each([
  ['ab', /3 to 63/],
  ['x'.repeat(64), /3 to 63/],
  ['My-bucket', /capital/],
  ['my bucket', /a space/],
  ['my_bucket', /"_"/],
  ['bücket', /"ü"/],
  ['-bucket', /begin and end/],
  ['bucket.', /begin and end/],
  ['a..b', /two dots/],
  ['a.-b', /beside a hyphen/],
  ['192.168.0.1', /IP address/],
  ['xn--abc', /beginning is reserved/],
  ['abc-s3alias', /end is reserved/],
])('the name %j is refused with the reason', (name, reason) => {
  expect(bucketProblem(name)).toMatch(reason);
});

it('all names that are refused are told at once, with exit code 2', () => {
  expect(() => checkBucketNames(['good-one', 'Bad', 'a_b'], 'rename it')).toThrowError(
    expect.objectContaining({
      code: 'BUCKET_NAME',
      exitCode: 2,
      message: expect.stringMatching(/"Bad".*capital/),
      hint: 'rename it',
      others: [expect.objectContaining({ message: expect.stringContaining('"a_b"') })],
    }),
  );
});
