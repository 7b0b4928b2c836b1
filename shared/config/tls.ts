/**
 * From the options of TLS to what sockets are made with. Files are looked at again: by a coordinator every few seconds, by a
 * worker whenever it connects. Connections that are open stay as they are.
 */
import type { Clock } from '../clock.js';
import { GristmillError } from '../errors.js';
import { limits } from '../limits.js';
import { authorityOf, keyPairOf, type KeyPair } from './certificates.js';
import type { ValuesOf } from './option.js';
import { lookEvery, Reloaded } from './reloaded.js';
import { refuseReadableByAll } from './secret-file.js';
import type { clientTlsOptions, serverTlsOptions } from './tls-options.js';

type OnRefused = (error: GristmillError) => void;

/** What a server shows, and by which authority it knows clients. */
export interface ServerContext extends KeyPair {
  readonly ca: Buffer | undefined;
}

export interface ServerTls {
  readonly context: ServerContext;
  /** Workers need a certificate. */
  readonly isMutual: boolean;
  /** Is told whenever the context is another one. */
  onChange(listener: (context: ServerContext) => void): void;
  close(): void;
}

/** What a client trusts, and what it shows. The same object for as long as the files are the same. */
export interface ClientContext {
  /** Undefined: the authorities that Node knows. */
  readonly ca: Buffer | undefined;
  readonly pair: KeyPair | undefined;
}

export interface ClientTls {
  /** By the files as they are now. */
  current(): ClientContext;
}

/** Undefined where nothing is to be encrypted; throws `config-invalid`. */
export function serverTls(
  { tlsCert, tlsKey, tlsClientCa }: ValuesOf<typeof serverTlsOptions>,
  clock: Clock,
  onRefused: OnRefused,
): ServerTls | undefined {
  const paths = pairPaths(tlsCert, tlsKey);
  if (!paths) {
    if (tlsClientCa === undefined) return undefined;
    throw incomplete(
      '--tls-client-ca',
      'certificates are asked for over TLS only: give --tls-cert and --tls-key as well',
    );
  }
  const files = new Reloaded<ServerContext>({
    paths: [paths.cert, paths.key, ...(tlsClientCa === undefined ? [] : [tlsClientCa])],
    parse: ([cert, key, ca]) => ({
      ...pairIn(cert, key, paths, clock),
      ca: ca && tlsClientCa !== undefined ? authorityOf(ca, tlsClientCa) : undefined,
    }),
    onRefused,
  });
  const listeners: ((context: ServerContext) => void)[] = [];
  const close = lookEvery(clock, limits.reloadMs, () => {
    if (files.refresh()) for (const listener of listeners) listener(files.value);
  });
  return {
    get context() {
      return files.value;
    },
    isMutual: tlsClientCa !== undefined,
    onChange: (listener) => void listeners.push(listener),
    close,
  };
}

type Trust = Pick<ValuesOf<typeof clientTlsOptions>, 'tls' | 'tlsCa'> &
  Partial<Pick<ValuesOf<typeof clientTlsOptions>, 'tlsCert' | 'tlsKey'>>;

/** Undefined where nothing is to be encrypted; throws `config-invalid`. */
export function clientTls(
  { tls, tlsCa, tlsCert, tlsKey }: Trust,
  clock: Clock,
  onRefused: OnRefused,
): ClientTls | undefined {
  const paths = pairPaths(tlsCert, tlsKey);
  if (!tls && tlsCa === undefined) {
    if (!paths) return undefined;
    throw incomplete('--tls-cert', 'a certificate is shown over TLS only: give --tls-ca FILE as well, or --tls');
  }
  const files = new Reloaded<ClientContext>({
    paths: [...(paths ? [paths.cert, paths.key] : []), ...(tlsCa === undefined ? [] : [tlsCa])],
    parse: (contents) => {
      const [cert, key] = paths ? contents : [];
      const ca = tlsCa === undefined ? undefined : contents.at(-1);
      return {
        ca: ca && tlsCa !== undefined ? authorityOf(ca, tlsCa) : undefined,
        pair: paths && pairIn(cert, key, paths, clock),
      };
    },
    onRefused,
  });
  return {
    current() {
      files.refresh();
      return files.value;
    },
  };
}

interface Paths {
  readonly cert: string;
  readonly key: string;
}

function pairIn(cert: Buffer | undefined, key: Buffer | undefined, paths: Paths, clock: Clock): KeyPair {
  refuseReadableByAll(paths.key);
  return keyPairOf(cert ?? Buffer.alloc(0), key ?? Buffer.alloc(0), paths, clock.now());
}

function pairPaths(cert: string | undefined, key: string | undefined): Paths | undefined {
  if (cert !== undefined && key !== undefined) return { cert, key };
  if (cert !== undefined) throw incomplete('--tls-cert', '--tls-key FILE names the key of the certificate');
  if (key !== undefined) throw incomplete('--tls-key', '--tls-cert FILE names the certificate of the key');
  return undefined;
}

function incomplete(given: string, hint: string): GristmillError {
  return new GristmillError('config-invalid', `${given} is not enough by itself\nhint: ${hint}`);
}
