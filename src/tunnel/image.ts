import { ownImage } from '../util/image.ts';
import { FOLDER, SSHD } from './sshd.ts';

/** Ours, which are known by their short names. */
const OWN = ['tunnel', 'datamill'];

export interface ServerImage {
  image: string;
  command: string[];
  /** What the container may use. */
  memory: { request: string; limit: string };
}

/** `tunnel` and `datamill` are our images; anything else is a full name. */
export function imageName(image: string = process.env.DATAMILL_TUNNEL_IMAGE || 'tunnel'): string {
  return OWN.includes(image) ? ownImage(image) : image;
}

/** An image called datamill, wherever it comes from, serves with Node; every other one with sshd. */
export function serverImage(image: string): ServerImage {
  const name = image.split('/').at(-1)!.split(/[:@]/)[0];
  if (name === 'datamill') {
    const command = ['node', '/opt/datamill/dist/cli.js', 'tunnel', 'serve', `${FOLDER}/server.json`];
    return { image, command, memory: { request: '64Mi', limit: '384Mi' } };
  }
  return {
    image,
    command: [SSHD, '-D', '-e', '-f', `${FOLDER}/sshd_config`],
    memory: { request: '16Mi', limit: '256Mi' },
  };
}
