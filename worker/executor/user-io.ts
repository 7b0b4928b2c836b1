/**
 * The user thread's view of its I/O thread: synchronous sources, calls, outputs and scratch runs over the
 * ring.
 *
 * A view that `next` returns is valid until the next call of the same source.
 */
import { deserialize } from 'node:v8';
import type { MessagePort, Worker } from 'node:worker_threads';
import { errorOf } from '../../shared/errors.js';
import type { Failure } from '../../shared/errors.js';
import type { ScratchRun } from '../../shared/kernel/scratch.js';
import { limits } from '../../shared/limits.js';
import type { Seal } from '../../shared/store/object-store.js';
import type { CsvFormat, FoundInputs, Plan, StageVersion } from '../../shared/plan.js';
import type { InspectSpec, PartitionRange } from '../../shared/protocol.js';
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
import { UserOutputs } from './user-outputs.js';

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
  private readonly outputs: UserOutputs;
  private readonly sources = new Map<number, OpenSource>();
  /** Drained buffers that the I/O thread has not been told of. */
  private released: (readonly [source: number, buffer: number])[] = [];
  private nextSource = 1;

  constructor(ring: RingConsumer, post: PostToIo) {
    this.ring = ring;
    this.post = post;
    this.outputs = new UserOutputs(ring, post);
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

  stage(version: StageVersion, partition: number, together: PartitionRange | undefined): readonly StageSource[] {
    return this.call({ name: 'stage', version, partition, together }) as readonly StageSource[];
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
    const output = this.outputs.open(request);
    return {
      write: (bytes) => {
        this.outputs.write(output, bytes);
      },
      finish: () => this.finish(output) as Seal | undefined,
    };
  }

  /** A scratch run: written as outputs are, read as sources are, both by the I/O thread. */
  create(): ScratchRun {
    return new RingRun(this.outputs, (output) => {
      this.finish(output);
      return (bytes) => this.open({ kind: 'scratch', run: output, bytes });
    });
  }

  /** At the end of an attempt: nothing of it stays open, and no buffer stays taken. */
  endAttempt(): void {
    for (const source of [...this.sources.keys()]) this.close(source);
    this.tellReleased();
    this.outputs.flushAll();
    this.post({ type: 'end-attempt' });
  }

  /** Waits until all is written. */
  private finish(output: number): unknown {
    this.outputs.flush(output);
    return this.call({ name: 'finish', output });
  }

  private open(request: OpenRequest): ByteSource {
    const source = this.nextSource++;
    this.sources.set(source, { queue: [], held: undefined });
    this.post({ type: 'open', source, request });
    return {
      next: () => this.next(source),
      close: () => {
        this.close(source);
      },
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
    this.release(source, filled);
    throw errorOf(failure);
  }

  private take(open: OpenSource): Filled {
    for (let first = open.queue.shift(); ; first = open.queue.shift()) {
      if (first) return first;
      if (!this.ring.hasFilled) this.tellReleased(); // it may be one of those that is waited for
      const filled = this.ring.takeFilled();
      const owner = this.sources.get(filled.source);
      if (owner) owner.queue.push(filled);
      else this.release(filled.source, filled);
    }
  }

  private letGo(source: number, open: OpenSource): void {
    if (open.held) this.release(source, open.held);
    open.held = undefined;
  }

  /** Several buffers go back in one message: a message costs both threads as much as half a buffer's bytes. */
  private release(source: number, { buffer }: Filled): void {
    if (buffer < 0) return;
    this.released.push([source, buffer]);
    if (this.released.length * this.ring.shape.bufferBytes >= limits.readBytesMax) this.tellReleased();
  }

  private tellReleased(): void {
    if (this.released.length === 0) return;
    this.post({ type: 'release', buffers: this.released });
    this.released = [];
  }

  private close(source: number): void {
    const open = this.sources.get(source);
    if (!open) return;
    this.sources.delete(source);
    this.post({ type: 'close', source });
    this.letGo(source, open);
    for (const filled of open.queue) this.release(source, filled);
    this.tellReleased();
  }
}

class RingRun implements ScratchRun {
  bytes = 0;
  private readonly outputs: UserOutputs;
  private readonly output: number;
  private readonly finished: (output: number) => (bytes: number) => ByteSource;

  constructor(outputs: UserOutputs, finished: (output: number) => (bytes: number) => ByteSource) {
    this.outputs = outputs;
    this.output = outputs.open('scratch');
    this.finished = finished;
  }

  write(bytes: Uint8Array): void {
    this.outputs.write(this.output, bytes);
    this.bytes += bytes.length;
  }

  finish(): () => ByteSource {
    const open = this.finished(this.output);
    return () => open(this.bytes);
  }
}
