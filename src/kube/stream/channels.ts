/**
 * The framing `channel.k8s.io`: each binary message is the number of a channel in one byte, then
 * what is sent on it. See k8s.io/apimachinery/pkg/util/httpstream/wsstream.
 */

/** One message; WebSockets of Go's older kind take no fragments, so the parts are put together. */
export function frame(channel: number, ...payload: Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.of(channel), ...payload]);
}

/** @returns undefined for a message without a channel. */
export function unframe(message: Buffer): { channel: number; payload: Buffer } | undefined {
  const channel = message[0];
  return channel === undefined ? undefined : { channel, payload: message.subarray(1) };
}
