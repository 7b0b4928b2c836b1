/** The options of encrypted connections: what a process shows of itself, and whom it trusts. */
import { option } from './option.js';
import { isSwitch, path } from './types.js';

const tlsCert = option<string | undefined>(path, undefined, {
  doc:
    'The certificate of this process as PEM, followed by those between it and its authority. With it a coordinator encrypts both its ' +
    'ports; a worker shows it to its coordinator, and encrypts the port of `--http`. It is read again when it changes.',
  defaultText: 'none',
});

const tlsKey = option<string | undefined>(path, undefined, {
  doc: 'The private key of that certificate, as PEM without a passphrase. Nobody but its owner and group may be able to read it.',
  defaultText: 'none',
});

export const serverTlsOptions = {
  tlsCert,
  tlsKey,
  tlsClientCa: option<string | undefined>(path, undefined, {
    doc:
      'The authority of the workers, as PEM: each worker then needs a certificate of it that is for the name of that worker. Commands ' +
      'need a token alone.',
    defaultText: "none: a worker's token is enough",
  }),
};

export const trustOptions = {
  tls: option(isSwitch, false, {
    doc: 'Connects to the coordinator over TLS, and trusts the authorities that Node knows.',
  }),
  tlsCa: option<string | undefined>(path, undefined, {
    doc: "Connects to the coordinator over TLS, and trusts this authority alone: the file has the authority's certificate as PEM.",
    defaultText: 'none',
  }),
};

export const clientTlsOptions = { ...trustOptions, tlsCert, tlsKey };
