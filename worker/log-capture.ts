/** What user code prints, per attempt: bounded, and cut where the executor marks the attempt's end. */
import { StringDecoder } from 'node:string_decoder';
import type { Readable } from 'node:stream';
import { limits } from '../shared/limits.js';
import { END_OF_ATTEMPT } from './executor/messages.js';

export class LogCapture {
  private readonly decoder = new StringDecoder('utf8');
  private carry = '';
  private kept: string[] = [];
  private keptBytes = 0;
  private cut = false;
  private last = '';
  private onEnd: (() => void) | undefined;
  private ended = false;
  /** The stream has ended: no mark comes any more. */
  private closed = false;

  constructor(stream: Readable) {
    stream.on('data', (piece: Buffer) => this.push(this.decoder.write(piece)));
    stream.on('close', () => this.close());
    stream.on('error', () => this.close());
  }

  /** The end of the attempt's text so far, also where its log was cut before. */
  get lastWords(): string {
    return (this.last + this.carry).slice(-limits.lastWordsBytesMax);
  }

  /** Resolves when the running attempt's last line is in, or the stream has ended. */
  attemptEnd(): Promise<void> {
    return new Promise((resolve) => {
      if (this.ended || this.closed) resolve();
      else this.onEnd = resolve;
    });
  }

  /** The attempt's text; the next attempt begins empty. */
  take(): string {
    const text = this.kept.join('') + (this.cut ? '\n[the rest of the log was cut]\n' : '');
    this.kept = [];
    this.keptBytes = 0;
    this.cut = false;
    this.last = '';
    this.ended = false;
    return text;
  }

  private push(text: string): void {
    this.carry += text;
    const mark = this.carry.indexOf(END_OF_ATTEMPT);
    if (mark >= 0) {
      this.keep(this.carry.slice(0, mark));
      this.carry = this.carry.slice(mark + END_OF_ATTEMPT.length);
      this.end();
      return;
    }
    const sure = Math.max(0, this.carry.length - END_OF_ATTEMPT.length);
    this.keep(this.carry.slice(0, sure));
    this.carry = this.carry.slice(sure);
  }

  private keep(text: string): void {
    this.last = (this.last + text).slice(-limits.lastWordsBytesMax);
    const room = limits.logBytesMax - this.keptBytes;
    const bytes = Buffer.byteLength(text);
    if (bytes > room) this.cut = true;
    const part = bytes > room ? Buffer.from(text).subarray(0, room).toString() : text;
    if (part !== '') this.kept.push(part);
    this.keptBytes += Math.min(bytes, room);
  }

  private close(): void {
    if (this.closed) return;
    this.closed = true;
    this.keep(this.carry + this.decoder.end());
    this.carry = '';
    this.end();
  }

  private end(): void {
    this.ended = true;
    this.onEnd?.();
    this.onEnd = undefined;
  }
}
