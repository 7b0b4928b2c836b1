/**
 * The user thread's view of its I/O thread: synchronous sources, calls and outputs over the ring.
 *
 * A view that `next` returns is valid until the next call of the same source.
 */
import { deserialize } from 'node:v8';
import type { MessagePort, Worker } from 'node:worker_threads';
import { errorOf, type Failure } from '../../shared/errors.js';
import type { Seal } from '../../shared/store/object-store.js';
import type { CsvFormat, FoundInputs, Plan } from '../../shared/plan.js';
import type { InspectSpec } from '../../shared/protocol.js';
import type {
  ByteSink,
  ByteSource,
  InputRequest,
  OutputRequest,
  ShuffleRequest,
  StageSource,
  TaskIo,
} from '../ports.js';
import type { IoCall, IoMessage, OpenRequest } from './io-requests.js';
import { FILLED_DATA, FILLED_END, type Filled, type RingConsumer } from './ring.js';

export type PostToIo = (message: IoMessage) => void;

export function postTo(port: MessagePort | Worker): PostToIo {
  return (message) => {
    port.postMessage(message);
  };
}

interface OpenSource {
  /** Filled entries that came while another source was waited for. */
  readonly queue: Filled[];
  /** The buffer that the reader looks at. */
  held: Filled | undefined;
}

export class UserIo implements TaskIo {
  private readonly ring: RingConsumer;
  private readonly post: PostToIo;
  private readonly sources = new Map<number, OpenSource>();
  private nextSource = 1;
  private nextOutput = 1;

  constructor(ring: RingConsumer, post: PostToIo) {
    this.ring = ring;
    this.post = post;
  }

  get bufferBytes(): number {
    return this.ring.shape.bufferBytes;
  }

  openBytes(request: InputRequest | ShuffleRequest): ByteSource {
    return this.open(request);
  }

  /** The path of the bundle. */
  bundle(sha256: string): string {
    return this.call({ name: 'bundle', sha256 }) as string;
  }

  plan(): Plan {
    return this.call({ name: 'plan' }) as Plan;
  }

  stage(generation: number, partition: number): readonly StageSource[] {
    return this.call({ name: 'stage', generation, partition }) as readonly StageSource[];
  }

  findInputs(uris: readonly string[], spec: InspectSpec, csv: CsvFormat | undefined): FoundInputs {
    return this.call({ name: 'find-inputs', uris, spec, csv }) as FoundInputs;
  }

  put(key: string, bytes: Uint8Array): { readonly uri: string; readonly etag: string } {
    return this.call({ name: 'put', key, bytes }) as { uri: string; etag: string };
  }

  private call(call: IoCall): unknown {
    const source = this.open({ kind: 'call', call });
    const pieces: Uint8Array[] = [];
    for (let piece = source.next(); piece; piece = source.next()) pieces.push(piece.slice());
    return deserialize(Buffer.concat(pieces));
  }

  openOutput(request: OutputRequest): ByteSink {
    const output = this.nextOutput++;
    this.post({ type: 'open-output', output, request });
    return {
      write: (bytes) => {
        for (let at = 0; at < bytes.length; at += this.bufferBytes) {
          const part = bytes.subarray(at, at + this.bufferBytes);
          const buffer = this.ring.takeOut();
          this.ring.bufferOut(buffer).set(part);
          this.post({ type: 'write', output, buffer, length: part.length });
        }
      },
      seal: () => this.call({ name: 'seal', output }) as Seal,
    };
  }

  /** After a failed attempt: nothing of it stays open, and no buffer stays taken. */
  abandon(): void {
    for (const source of [...this.sources.keys()]) this.close(source);
    this.post({ type: 'abort-outputs' });
  }

  private open(request: OpenRequest): ByteSource {
    const source = this.nextSource++;
    this.sources.set(source, { queue: [], held: undefined });
    this.post({ type: 'open', source, request });
    return {
      next: () => this.next(source),
      close: () => this.close(source),
    };
  }

  private next(source: number): Uint8Array | undefined {
    const open = this.sources.get(source);
    if (!open) return undefined;
    this.letGo(source, open);
    const filled = this.take(open);
    if (filled.kind === FILLED_DATA) {
      open.held = filled;
      return this.ring.bufferIn(filled.buffer).subarray(0, filled.length);
    }
    this.close(source);
    if (filled.kind === FILLED_END) return undefined;
    const failure = deserialize(this.ring.bufferIn(filled.buffer).slice(0, filled.length)) as Failure;
    this.post({ type: 'release', source, buffer: filled.buffer });
    throw errorOf(failure);
  }

  private take(open: OpenSource): Filled {
    for (let first = open.queue.shift(); ; first = open.queue.shift()) {
      if (first) return first;
      const filled = this.ring.takeFilled();
      const owner = this.sources.get(filled.source);
      if (owner) owner.queue.push(filled);
      else if (filled.buffer >= 0) this.post({ type: 'release', source: filled.source, buffer: filled.buffer });
    }
  }

  private letGo(source: number, open: OpenSource): void {
    if (open.held) this.post({ type: 'release', source, buffer: open.held.buffer });
    open.held = undefined;
  }

  private close(source: number): void {
    const open = this.sources.get(source);
    if (!open) return;
    this.sources.delete(source);
    this.post({ type: 'close', source });
    this.letGo(source, open);
    for (const filled of open.queue) {
      if (filled.buffer >= 0) this.post({ type: 'release', source, buffer: filled.buffer });
    }
  }
}
