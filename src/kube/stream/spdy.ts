/**
 * As much of SPDY/3.1 as port-forwards take: https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/
 * The other side is github.com/moby/spdystream, which has no flow control.
 */

export const FrameType = { synStream: 1, rstStream: 3, ping: 6, goAway: 7 } as const;
const CONTROL = 0x8003_0000;
const FIN = 1;
const HEADER = 8;
/** Longest control frame that is kept, which none of those that matter reaches. */
const KEPT = 64;

/** Most bytes of one frame: its length has 24 bits, and whoever reads it keeps it whole. */
const LONGEST = 1 << 20;

/** Bytes of a stream, in as few frames as may be. */
export function dataFrames(stream: number, pieces: readonly Uint8Array[]): Buffer[] {
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  if (size <= LONGEST) return [dataFrame(stream, pieces, size)];
  const whole = Buffer.concat(pieces);
  return Array.from({ length: Math.ceil(size / LONGEST) }, (_, index) => {
    const part = whole.subarray(index * LONGEST, (index + 1) * LONGEST);
    return dataFrame(stream, [part], part.length);
  });
}

/** Nothing more comes on this stream. */
export function endFrame(stream: number): Buffer {
  const frame = dataFrame(stream, [], 0);
  frame[4] = FIN;
  return frame;
}

function dataFrame(stream: number, pieces: readonly Uint8Array[], size: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER);
  header.writeUInt32BE(stream, 0);
  header.writeUInt32BE(size, 4);
  return Buffer.concat([header, ...pieces], HEADER + size);
}

export function controlFrame(type: number, body: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(HEADER + body.length);
  frame.writeUInt32BE(CONTROL + type, 0);
  frame.writeUInt32BE(body.length, 4);
  frame.set(body, HEADER);
  return frame;
}

/**
 * Opens a stream.
 *
 * @param first whether no other was opened on this connection: headers are one zlib stream for all.
 */
export function synStream(stream: number, headers: Record<string, string>, first: boolean): Buffer {
  const ids = Buffer.alloc(10);
  ids.writeUInt32BE(stream, 0);
  return controlFrame(FrameType.synStream, Buffer.concat([ids, headerBlock(headers, first)]));
}

/**
 * Headers in zlib's format, as a block that is stored as it is: a few bytes more than compressed,
 * and no state to keep. The empty block after it makes the reader hand out what it has.
 */
function headerBlock(headers: Record<string, string>, first: boolean): Buffer {
  const words = Object.entries(headers).flat();
  const content = Buffer.concat([
    uint32(words.length / 2),
    ...words.flatMap((word) => [uint32(Buffer.byteLength(word)), Buffer.from(word)]),
  ]);
  const stored = Buffer.alloc(5);
  stored.writeUInt16LE(content.length, 1);
  stored.writeUInt16LE(0xffff - content.length, 3);
  const begin = first ? Buffer.of(0x78, 0x01) : Buffer.alloc(0);
  return Buffer.concat([begin, stored, content, Buffer.of(0, 0, 0, 0xff, 0xff)]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export interface FrameListener {
  /** A piece of a stream; pieces of one frame come one by one, and only the last has `fin`. */
  data(stream: number, payload: Buffer, fin: boolean): void;
  /** A control frame; of a long one only the beginning. */
  control(type: number, body: Buffer): void;
}

/** Takes frames from bytes that come in pieces of any size; payloads are not copied. */
export class FrameReader {
  readonly #listener: FrameListener;
  readonly #header = Buffer.alloc(HEADER);
  #have = 0;
  #left = 0;
  #kept: Buffer[] = [];

  constructor(listener: FrameListener) {
    this.#listener = listener;
  }

  read(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#have < HEADER) {
        const taken = rest.copy(this.#header, this.#have);
        this.#have += taken;
        rest = rest.subarray(taken);
        if (this.#have < HEADER) return;
        this.#left = this.#header.readUIntBE(5, 3);
      }
      const piece = rest.subarray(0, this.#left);
      rest = rest.subarray(piece.length);
      this.#left -= piece.length;
      this.#hand(piece);
      if (this.#left === 0) this.#have = 0;
    }
  }

  #hand(piece: Buffer): void {
    const word = this.#header.readUInt32BE(0);
    if (word < 0x8000_0000) {
      const fin = this.#left === 0 && (this.#header[4]! & FIN) === FIN;
      if (piece.length > 0 || fin) this.#listener.data(word, piece, fin);
      return;
    }
    const length = this.#kept.reduce((sum, { length: one }) => sum + one, 0);
    if (length < KEPT) this.#kept.push(piece.subarray(0, KEPT - length));
    if (this.#left > 0) return;
    const body = Buffer.concat(this.#kept);
    this.#kept = [];
    this.#listener.control(word & 0xffff, body);
  }
}
