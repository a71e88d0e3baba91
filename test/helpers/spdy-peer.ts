import { constants, inflateSync } from 'node:zlib';
import type { PodStream } from './pod-server.ts';

interface Request {
  id: string;
  port: string;
  data: number;
  error: number;
}

/**
 * A fake of the node's end of a tunnel, written from the protocol and not from our code: it reads
 * SPDY/3.1 frames strictly, and answers with frames as moby/spdystream sends them.
 */
export class SpdyPeer {
  /** What was against the protocol. */
  readonly faults: string[] = [];
  readonly requests: Request[] = [];
  onOpen: (request: Request) => void = () => undefined;
  onData: (request: Request, payload: Buffer) => void = () => undefined;
  onEnd: (request: Request) => void = () => undefined;
  readonly stream: PodStream;
  #bytes = Buffer.alloc(0);
  #headers = Buffer.alloc(0);
  #unpacked = 0;
  #last = -1;
  #half: { id: string; error: number } | undefined;

  constructor(stream: PodStream) {
    this.stream = stream;
  }

  /** Sends bytes of a stream, cut into messages of `piece` bytes: tunnels do not keep frames together. */
  data(stream: number, payload: string | Buffer, { fin = false, piece = 7 } = {}): void {
    const content = Buffer.from(payload);
    const header = Buffer.alloc(8);
    header.writeUInt32BE(stream, 0);
    header.writeUInt32BE(content.length, 4);
    header[4] = fin ? 1 : 0;
    this.#send(Buffer.concat([header, content]), piece);
  }

  control(type: number, body: Buffer, piece = 1000): void {
    const header = Buffer.alloc(8);
    header.writeUInt32BE(0x8003_0000 + type, 0);
    header.writeUInt32BE(body.length, 4);
    this.#send(Buffer.concat([header, body]), piece);
  }

  /** The pod has ended the connection, or said why there was none. */
  end({ data, error }: Request, why = ''): void {
    if (why !== '') this.data(error, why);
    this.data(data, '', { fin: true });
    this.data(error, '', { fin: true });
  }

  receive(message: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, message]);
    while (this.#bytes.length >= 8) {
      const length = this.#bytes.readUIntBE(5, 3);
      if (this.#bytes.length < 8 + length) return;
      const frame = this.#bytes.subarray(0, 8 + length);
      this.#bytes = this.#bytes.subarray(8 + length);
      if (frame.readUInt32BE(0) >= 0x8000_0000) this.#control(frame);
      else this.#data(frame);
    }
  }

  #send(bytes: Buffer, piece: number): void {
    for (let at = 0; at < bytes.length; at += piece)
      this.stream.socket.send(bytes.subarray(at, at + piece), { binary: true });
  }

  #control(frame: Buffer): void {
    const [version, type] = [frame.readUInt16BE(0), frame.readUInt16BE(2)];
    if (version !== 0x8003) this.faults.push(`version ${version}`);
    if (type === 6) return;
    if (type !== 1) return void this.faults.push(`control frame ${type}`);
    const id = frame.readUInt32BE(8);
    if (id !== this.#last + 2) this.faults.push(`stream ${id} after ${this.#last}`);
    this.#last = id;
    const headers = this.#unpack(frame.subarray(18));
    const { streamtype, port, requestid } = headers;
    if (streamtype === 'error') this.#half = { id: requestid!, error: id };
    else if (streamtype === 'data' && this.#half?.id === requestid) {
      const request = { id: requestid!, port: port!, data: id, error: this.#half!.error };
      this.requests.push(request);
      // A reply, whose headers are packed with a dictionary: nobody may need them.
      this.control(2, Buffer.concat([frame.subarray(8, 12), Buffer.of(0x78, 0xf9, 0xe3, 0xc6, 0xa7, 0xc2)]));
      this.onOpen(request);
    } else this.faults.push(`stream ${JSON.stringify(headers)}`);
  }

  /** All header blocks of a connection are one zlib stream, which must give out each at its end. */
  #unpack(block: Buffer): Record<string, string> {
    this.#headers = Buffer.concat([this.#headers, block]);
    const all = inflateSync(this.#headers, { finishFlush: constants.Z_SYNC_FLUSH });
    const fresh = all.subarray(this.#unpacked);
    this.#unpacked = all.length;
    let at = 4;
    const word = () => {
      const length = fresh.readUInt32BE(at);
      at += 4 + length;
      return fresh.toString('utf8', at - length, at);
    };
    const headers: Record<string, string> = {};
    for (let left = fresh.readUInt32BE(0); left > 0; left--) headers[word()] = word();
    if (at !== fresh.length) this.faults.push('a header block with more in it');
    return headers;
  }

  #data(frame: Buffer): void {
    const id = frame.readUInt32BE(0);
    const payload = frame.subarray(8);
    if (id === this.#half?.error && payload.length === 0 && frame[4] === 1) return;
    const request = this.requests.find(({ data }) => data === id);
    if (request === undefined) return void this.faults.push(`bytes of stream ${id}`);
    if (payload.length > 0) this.onData(request, payload);
    if (frame[4] === 1) this.onEnd(request);
  }
}
