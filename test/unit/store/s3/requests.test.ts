/** What becomes of answers that say no, that come late, halfway or never. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { GristmillError, hasCode } from '../../../../shared/errors.js';
import { limits } from '../../../../shared/limits.js';
import { S3Endpoint, type S3EndpointOptions } from '../../../../shared/store/s3/endpoint.js';
import type { S3RequestTold } from '../../../../shared/store/s3/counters.js';
import { S3Place } from '../../../../shared/store/s3/place.js';
import { partsOf, uploadsOf } from '../../../../shared/store/s3/s3-list.js';
import { S3Store } from '../../../../shared/store/s3/s3-store.js';
import { codeOf, text } from '../../../contract/store/subject.js';
import { HastyClock, ManualClock } from '../../../harness/manual-clock.js';
import { refuse, scriptedS3, type Script, type ScriptedS3 } from '../../../harness/scripted-s3.js';

const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const each of cleanup.splice(0).reverse()) await each();
});

interface Setup {
  readonly server: ScriptedS3;
  readonly endpoint: S3Endpoint;
  readonly store: S3Store;
  readonly told: S3RequestTold[];
}

async function setup(script: Script, options: Partial<S3EndpointOptions> = {}): Promise<Setup> {
  const server = await scriptedS3(script);
  const told: S3RequestTold[] = [];
  const { access } = server;
  const endpoint = new S3Endpoint({
    access,
    clock: new HastyClock(limits.s3SilenceMs / 2),
    random: () => 1,
    onRequest: (each) => told.push(each),
    ...options,
  });
  cleanup.push(
    () => server.close(),
    () => endpoint.close(),
  );
  return { server, endpoint, store: new S3Store({ uri: 's3://bucket', access, endpoint }), told };
}

const ok = { etag: '"e"' };

describe('an answer that may be another later', () => {
  test.each([
    [429, 'TooManyRequests'],
    [503, 'SlowDown'],
    [500, 'InternalError'],
    [502, ''],
    [504, ''],
    [408, 'RequestTimeout'],
    [409, 'ConditionalRequestConflict'],
    [400, 'RequestTimeout'],
  ])('%s %s: the request is repeated, each time after a longer wait, and nothing is printed', async (status, code) => {
    const printed = ['log', 'warn', 'error'].map((name) => vi.spyOn(console, name as 'log'));
    const clock = new HastyClock(limits.s3SilenceMs / 2);
    const { store, told, server } = await setup(
      (_, response, n) => (n <= 2 ? refuse(response, status, code) : response.writeHead(200, ok).end()),
      { clock },
    );
    expect(await store.put('key', text('x'))).toEqual({ etag: 'e' });
    expect(told.map(({ isRetry, outcome }) => [isRetry, outcome])).toEqual([
      [false, 'busy'],
      [true, 'busy'],
      [true, 'ok'],
    ]);
    expect(clock.waits.slice(0, 2)).toEqual([limits.storeBackoffMs, 2 * limits.storeBackoffMs]);
    // One connection served them all: a refusal is read to its end.
    expect(server.sockets.size).toBe(1);
    for (const spy of printed) expect(spy).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });

  test('it is repeated so often and not more; then the code says what is known', async () => {
    const busy = await setup((_, response) => refuse(response, 429, 'SlowDown'));
    expect(await codeOf(busy.store.put('key', text('x')))).toBe('store-unavailable');
    const broken = await setup((_, response) => refuse(response, 500, 'InternalError'));
    expect(await codeOf(broken.store.put('key', text('x')))).toBe('store-timeout');
    expect(await codeOf(broken.store.get('key'))).toBe('store-unavailable');
  });

  test('a server that is away is asked until the patience is over, by one call at a time', async () => {
    const clock = new HastyClock(limits.s3SilenceMs / 2);
    const { store } = await setup((_, response) => refuse(response, 503, 'SlowDown'), { clock });
    await Promise.all(Array.from({ length: 20 }, (_, i) => codeOf(store.get(`key${i}`))));
    expect(clock.monotonic()).toBeGreaterThanOrEqual(limits.s3PatienceMs);
  });
});

describe('an answer that is lost', () => {
  test('of a conditional put that took effect, the repetition finds its own object', async () => {
    let writer: string | undefined;
    const { store, server } = await setup((request, response, n) => {
      if (n === 1) {
        writer = String(request.headers['x-amz-meta-gristmill-writer']);
        response.destroy();
      } else if (request.method === 'HEAD') {
        response
          .writeHead(200, { etag: '"own"', 'content-length': 1, 'x-amz-meta-gristmill-writer': writer ?? '' })
          .end();
      } else refuse(response, 412, 'PreconditionFailed');
    });
    expect(await store.put('key', text('x'), { ifAbsent: true })).toEqual({ etag: 'own' });
    expect(server.requests.map(({ method }) => method)).toEqual(['PUT', 'PUT', 'HEAD']);
    expect(server.requests.every(({ method, headers }) => method === 'HEAD' || headers['if-none-match'] === '*')).toBe(
      true,
    );
  });

  test('of a conditional put that another overtook, the repetition says so', async () => {
    const { store } = await setup((request, response, n) => {
      if (n === 1) response.destroy();
      else if (request.method === 'HEAD') response.writeHead(200, { etag: '"theirs"', 'content-length': 1 }).end();
      else refuse(response, 412, 'PreconditionFailed');
    });
    expect(await codeOf(store.put('key', text('x'), { ifAbsent: true }))).toBe('object-exists');
  });

  test('halfway of a read, it is read again', async () => {
    const { store, server } = await setup((_, response, n) => {
      response.writeHead(200, { ...ok, 'content-length': 10 });
      if (n > 1) response.end('0123456789');
      else response.write('01234', () => response.destroy());
    });
    expect(Buffer.from(await store.get('key')).toString()).toBe('0123456789');
    expect(server.requests.length).toBe(2);
  });

  test('with fewer bytes than the range has, it is no answer', async () => {
    const headers = { ...ok, 'content-range': 'bytes 0-9/10', 'content-length': 5 };
    const { store } = await setup((_, response) => response.writeHead(206, headers).end('01234'));
    expect(await codeOf(store.get('key', { range: { start: 0, end: 10 } }))).toBe('store-unavailable');
  });

  test('from a server that leaves ranges unheeded, the range is cut out of all', async () => {
    const { store } = await setup((_, response) => response.writeHead(200, ok).end('0123456789'));
    const bytes = await store.get('key', { range: { start: 2, end: 5 } });
    expect(Buffer.from(bytes).toString()).toBe('234');
  });
});

describe('an answer that never comes', () => {
  test('is given up when no byte moves, and the code says whether something may have happened', async () => {
    for (const call of ['put', 'get'] as const) {
      const clock = new ManualClock();
      let arrived = (): void => undefined;
      const arrival = new Promise<void>((resolve) => (arrived = resolve));
      const { store, server } = await setup(() => arrived(), { clock, retriesMax: 0 });
      const code = codeOf(call === 'put' ? store.put('key', text('x')) : store.get('key'));
      await arrival;
      clock.advance(2 * limits.s3SilenceMs);
      expect(await code).toBe(call === 'put' ? 'store-timeout' : 'store-unavailable');
      await vi.waitFor(() => expect(server.sockets.size).toBe(0));
      expect(clock.waits).toEqual([]);
    }
  });

  test('is not waited for when the signal fires, whose reason is thrown', async () => {
    const stop = new AbortController();
    const reason = new GristmillError('deadline-passed', 'the job is over');
    const { store, server, told } = await setup(() => stop.abort(reason), { clock: new ManualClock() });
    await expect(store.put('key', text('x'), { signal: stop.signal })).rejects.toBe(reason);
    await vi.waitFor(() => expect(server.sockets.size).toBe(0));
    expect(told.map(({ outcome }) => outcome)).toEqual(['aborted']);
  });

  test('nor between two tries', async () => {
    const stop = new AbortController();
    const clock = new ManualClock();
    const { store } = await setup((_, response) => refuse(response, 503, 'SlowDown'), { clock });
    const call = store.get('key', { signal: stop.signal });
    const seen = call.catch((thrown: unknown) => thrown);
    await clock.waited(1, 2 * limits.storeBackoffMs);
    stop.abort();
    expect(hasCode(await seen, 'aborted')).toBe(true);
    expect(clock.waits).toEqual([]);
  });

  test('nothing has happened where nobody listens', async () => {
    const { store, server } = await setup(() => undefined);
    await server.close();
    cleanup.shift();
    const thrown = await store.put('key', text('x')).catch((error: unknown) => error);
    expect(hasCode(thrown, 'store-unavailable')).toBe(true);
    expect((thrown as Error).message).toMatch(/ECONNREFUSED.*check that the server runs/);
  });
});

test.each([403, 404, 412])(
  'a refusal (%s) of which a part came, though it looks whole, is asked for again',
  async (status) => {
    const refusal = '<Error><Code>NoSuchKey</Code><Message>it says no</Message></Error>';
    const xml = { 'content-type': 'application/xml' };
    const { store, told } = await setup((_, response, n) => {
      response.writeHead(n <= 4 ? status : 404, xml).end(n <= 4 ? refusal.slice(0, 20 + n) : refusal);
    });
    expect(await codeOf(store.get('key'))).toBe('object-not-found');
    expect(told).toHaveLength(5);
    // Four in a row are no sign that the server is away: none of them waited for it.
    expect(store.endpoint.isAnswering).toBe(true);
  },
);

test('a refusal that is no S3 server’s is not asked for again', async () => {
  const { store, told } = await setup((_, response) => {
    response.writeHead(404, { 'content-type': 'text/html' }).end('<html><body>Not Found');
  });
  expect(await codeOf(store.get('key'))).toBe('store-denied');
  expect(told).toHaveLength(1);
});

describe('a completion', () => {
  const begun = '<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>';
  /** An upload whose completion is answered with 200 and these bodies in turn. */
  async function published(bodies: readonly string[], visible: () => Record<string, string> | undefined) {
    let completions = 0;
    const set = await setup((request, response) => {
      const { method, url } = request;
      if (method === 'HEAD') {
        const headers = visible();
        response.writeHead(headers ? 200 : 404, headers).end();
      } else if (url.endsWith('?uploads')) response.end(begun);
      else if (method === 'POST') {
        response.writeHead(200);
        response.end(bodies[Math.min(completions++, bodies.length - 1)]);
      } else response.writeHead(method === 'DELETE' ? 204 : 200, ok).end();
    });
    const stage = await set.store.stage('a/key', 'attempt');
    await stage.write(text('abc'));
    const seal = await stage.seal();
    return { ...set, seal, code: await codeOf(set.store.publish(seal)) };
  }
  const done = '<CompleteMultipartUploadResult><ETag>&quot;e-1&quot;</ETag></CompleteMultipartUploadResult>';
  const failed = '<?xml version="1.0"?>\n<Error><Code>InternalError</Code><Message>try again</Message></Error>';

  test('that says 200 and then that it failed is no success, and is asked for again', async () => {
    const { code, server } = await published([failed, '', '<Comple', done], () => undefined);
    expect(code).toBe('none');
    expect(server.requests.filter(({ url }) => url.includes('uploadId=id') && !url.includes('part')).length).toBe(4);
  });

  test('that never says that it succeeded leaves it unknown', async () => {
    expect((await published([failed], () => undefined)).code).toBe('store-timeout');
  });

  test('whose upload is gone, with nothing under the key, sends the task back', async () => {
    const gone = '<Error><Code>NoSuchUpload</Code><Message/></Error>';
    expect((await published([gone], () => undefined)).code).toBe('staged-missing');
  });

  test('is not asked for where another’s object is, for not every server keeps to the condition', async () => {
    const theirs = { etag: '"theirs"', 'content-length': '9' };
    const { code, server } = await published([done], () => theirs);
    expect(code).toBe('publish-lost');
    expect(server.requests.some(({ body }) => body.includes('<CompleteMultipartUpload'))).toBe(false);
  });

  test('demands that nothing is under the key', async () => {
    const { server } = await published([done], () => undefined);
    const completion = server.requests.find(({ body }) => body.includes('<CompleteMultipartUpload'));
    expect(completion?.headers['if-none-match']).toBe('*');
  });
});

describe('a deletion of many', () => {
  const result = (...errors: readonly string[]) =>
    `<DeleteResult>${errors.map((code) => `<Error><Key>bad</Key><Code>${code}</Code><Message>m</Message></Error>`).join('')}</DeleteResult>`;

  test('names what could not be deleted, with why', async () => {
    const { store } = await setup((_, response) => response.end(result('AccessDenied')));
    const thrown = await store.delete(['good', 'bad']).catch((error: unknown) => error);
    expect(hasCode(thrown, 'store-denied')).toBe(true);
    expect((thrown as Error).message).toContain('s3://bucket/bad');
  });

  test('asks once more for what a busy server left', async () => {
    const { store, server } = await setup((_, response, n) => response.end(n === 1 ? result('SlowDown') : result()));
    await store.delete(['good', 'bad']);
    expect(server.requests[1]?.body).toContain('<Key>bad</Key>');
    expect(server.requests[1]?.body).not.toContain('<Key>good</Key>');
  });

  test('goes out in batches of a thousand, each key once', async () => {
    const { store, server } = await setup((_, response) => response.end(result()));
    const keys = Array.from({ length: 2_500 }, (_, i) => `k${i}`);
    await store.delete([...keys, ...keys]);
    const counts = server.requests.map(({ body }) => body.split('<Object>').length - 1);
    expect(counts).toEqual([1000, 1000, 500]);
  });
});

test('the uploads and the parts of a key are listed page after page', async () => {
  const uploads = (from: number, isLast: boolean) =>
    `<ListMultipartUploadsResult><IsTruncated>${!isLast}</IsTruncated><NextKeyMarker>007</NextKeyMarker>` +
    `<NextUploadIdMarker>id${from + 1}</NextUploadIdMarker>` +
    [from, from + 1].map((n) => `<Upload><Key>007</Key><UploadId>id${n}</UploadId></Upload>`).join('') +
    '<Upload><Key>0070</Key><UploadId>longer</UploadId></Upload></ListMultipartUploadsResult>';
  const parts = (from: number, isLast: boolean) =>
    `<ListPartsResult><IsTruncated>${!isLast}</IsTruncated><NextPartNumberMarker>${from}</NextPartNumberMarker>` +
    `<Part><PartNumber>${from}</PartNumber><ETag>"e${from}"</ETag><Size>5</Size></Part></ListPartsResult>`;
  const { endpoint } = await setup(({ url }, response) => {
    const query = new URL(url, 'http://host').searchParams;
    if (query.has('uploads'))
      response.end(query.get('upload-id-marker') === 'id2' ? uploads(3, true) : uploads(1, false));
    else response.end(query.get('part-number-marker') === '1' ? parts(2, true) : parts(1, false));
  });
  const place = new S3Place(endpoint, 's3://bucket');
  expect(await uploadsOf(place, '007', {})).toEqual(['id1', 'id2', 'id3', 'id4']);
  expect(await partsOf(place, 'key', 'id', {})).toEqual([
    { number: 1, etag: 'e1', bytes: 5 },
    { number: 2, etag: 'e2', bytes: 5 },
  ]);
});

describe('a deletion whose answer was lost', () => {
  const deleted = '<DeleteResult></DeleteResult>';
  test.each([
    ['one key', ['a']],
    ['several', ['a', 'b']],
  ])('of %s is waited for by whoever writes the keys again, and by nobody else', async (_, keys) => {
    const clock = new HastyClock(limits.s3SilenceMs / 2);
    const { store } = await setup(
      (_, response, n) => {
        if (n % 2 === 1) response.destroy();
        else response.writeHead(200).end(deleted);
      },
      { clock },
    );
    await store.delete(keys);
    expect(clock.waits).not.toContain(limits.s3LateDeleteMs);
    await store.delete(keys, { forReuse: true });
    expect(clock.waits.filter((waitMs) => waitMs === limits.s3LateDeleteMs)).toHaveLength(1);
  });

  test('is nothing to wait for when none was', async () => {
    const clock = new HastyClock(limits.s3SilenceMs / 2);
    const { store } = await setup((_, response) => response.writeHead(200).end(deleted), { clock });
    await store.delete(['a', 'b'], { forReuse: true });
    expect(clock.waits).toEqual([]);
  });
});

describe('what comes short in an answer that looks whole', () => {
  const short = (body: string, total: number) => (response: Parameters<Script>[1]) =>
    response.writeHead(206, { ...ok, 'content-range': `bytes 0-9/${total}`, 'content-length': body.length }).end(body);

  test.each([
    ['a range', { range: { start: 0, end: 10 } }, 20],
    ['an object', {}, 10],
  ])('%s is read again', async (_, options, total) => {
    const { store, server } = await setup((_request, response, n) =>
      short(n === 1 ? '01234' : '0123456789', total)(response),
    );
    expect(Buffer.from(await store.get('key', options)).toString()).toBe('0123456789');
    expect(server.requests).toHaveLength(2);
  });

  test('is refused when it stays so: the message says how much came', async () => {
    const { store } = await setup((_, response) => short('01234', 10)(response));
    await expect(store.get('key')).rejects.toThrow('5 bytes came instead of 10');
    await expect(store.get('key')).rejects.toMatchObject({ code: 'store-unavailable' });
  });
});

test('a staged output whose mark cannot be put begins no upload, which nobody would find', async () => {
  const { store, server } = await setup((_, response) => refuse(response, 403, 'AccessDenied'));
  expect(await codeOf(store.stage('a/key', 'attempt'))).toBe('store-denied');
  expect(server.requests.map(({ method, url }) => `${method} ${url.replace(/\/attempt\..*/, '')}`)).toEqual([
    'PUT /bucket/a/_staging/key',
  ]);
});
