import { describe, expect, it } from 'vitest';
import { backoff } from '../../../src/tunnel/backoff.ts';
import { serverImage } from '../../../src/tunnel/image.ts';
import { defaultName, requireName, toLabel } from '../../../src/tunnel/names.ts';
import { listenPorts, localAddress, parsePorts } from '../../../src/tunnel/ports.ts';

describe('the name of a tunnel', () => {
  it.each([
    ['J.Doe', 'j-doe'],
    ['Zoë', 'zoe'],
    ['007', 'u007'],
    ['--a--', 'a'],
    ['用户', 'user'],
    ['x'.repeat(80), 'x'.repeat(59)],
  ])('made of %s is %s', (text, label) => expect(toLabel(text)).toBe(label));

  it('is that of the user, and short enough for a service', () => {
    expect(defaultName('J.Doe')).toBe('j-doe-tunnel');
    expect(requireName(defaultName('y'.repeat(100)))).toHaveLength(59);
  });

  it.each(['A', '1a', 'a_b', 'a-', '', 'x'.repeat(60)])('may not be "%s"', (name) => {
    expect(() => requireName(name)).toThrow(/cannot be the name of a service/);
  });
});

describe('the ports of a tunnel', () => {
  it.each([
    [[], [[8000, 'localhost:8000']]],
    [['80'], [[80, 'localhost:80']]],
    [['80:3000'], [[80, 'localhost:3000']]],
    [
      ['80:10.0.0.1:3000', '81:[::1]:3001'],
      [
        [80, '10.0.0.1:3000'],
        [81, '[::1]:3001'],
      ],
    ],
  ])('%j', (texts, wanted) => {
    const ports = parsePorts(texts);
    expect(ports.map((port) => [port.cluster, localAddress(port)])).toEqual(wanted);
  });

  it.each(['', 'x', '0', '65536', '80:', ':80', '80:a:b:c', '80:0', '8 0', '-1', '80:3000:x'])(
    'not %j',
    (text) => {
      expect(() => parsePorts([text])).toThrow(expect.objectContaining({ code: 'TUNNEL_PORT', exitCode: 2 }));
    },
  );

  it('moves those up that only root may have, to where nobody is', () => {
    const ports = parsePorts(['80', '2222', '40080', '8000']);
    expect([...listenPorts(ports)]).toEqual([
      [80, 40_081],
      [2222, 42_222],
      [40_080, 40_080],
      [8000, 8000],
    ]);
  });
});

describe('the server', () => {
  it.each([
    ['ghcr.io/data-mill/tunnel:1', '/usr/sbin/sshd'],
    ['registry.corp:5000/team/datamill:1@sha256:abc', 'node'],
    ['linuxserver/openssh-server', '/usr/sbin/sshd'],
  ])('of %s is %s', (image, program) => expect(serverImage(image).command[0]).toBe(program));
});

describe('waiting for another try', () => {
  it('takes any time up to a limit that doubles and ends at half a minute', () => {
    expect([0, 1, 2, 20].map((attempt) => backoff(attempt, 1))).toEqual([250, 500, 1000, 30_000]);
    expect(backoff(5, 0)).toBe(0);
  });
});
