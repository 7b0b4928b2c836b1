/**
 * A way to a gRPC server on which answers get lost: what the client sends arrives, and when the server begins to answer one of
 * the chosen calls, the connection is cut instead. Calls are counted over all connections, in the order in which they are answered.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Of HTTP/2: length (24 bits), type, flags, stream id. */
const FRAME_HEAD_BYTES = 9;
const HEADERS = 1;

export class LostAnswers {
  /** Answers that were lost. */
  lost = 0;
  readonly #losing: ReadonlySet<number>;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #answers = 0;

  /** `losing`: which answers are lost; the first one is 1. */
  private constructor(target: string, losing: readonly number[]) {
    this.#losing = new Set(losing);
    const [host = '', port = ''] = target.split(':');
    this.#server = createServer((client) => this.#join(client, connect(Number(port), host)));
  }

  static async before(target: string, losing: readonly number[]): Promise<LostAnswers> {
    const proxy = new LostAnswers(target, losing);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, server: Socket): void {
    const ends = [client, server];
    const cut = () => {
      for (const socket of ends) socket.destroy();
    };
    for (const socket of ends) {
      this.#sockets.add(socket);
      socket.on('error', cut);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        cut();
      });
    }
    client.pipe(server);
    const answered = new Set<number>();
    const frames = new Frames();
    server.on('data', (piece: Buffer) => {
      for (const { type, stream } of frames.push(piece)) {
        if (type !== HEADERS || answered.has(stream)) continue;
        answered.add(stream);
        if (!this.#losing.has(++this.#answers)) continue;
        this.lost++;
        cut();
        return;
      }
      client.write(piece);
    });
  }
}

/** The frames of one direction, as soon as their heads are there. */
class Frames {
  #rest: Buffer = Buffer.alloc(0);
  #passing = 0;

  *push(piece: Buffer): Generator<{ readonly type: number; readonly stream: number }> {
    let bytes = Buffer.concat([this.#rest, piece]);
    for (;;) {
      const passed = Math.min(this.#passing, bytes.length);
      this.#passing -= passed;
      bytes = bytes.subarray(passed);
      if (bytes.length < FRAME_HEAD_BYTES) break;
      this.#passing = bytes.readUIntBE(0, 3);
      yield { type: bytes.readUInt8(3), stream: bytes.readUInt32BE(5) & 0x7fffffff };
      bytes = bytes.subarray(FRAME_HEAD_BYTES);
    }
    this.#rest = bytes;
  }
}
