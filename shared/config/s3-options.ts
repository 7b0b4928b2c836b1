/** The options with which a process reaches an S3 object store. Keys come from files or variables, never from flags. */
import { option } from './option.js';
import { endpoint, line, path } from './types.js';

export const s3Options = {
  s3Endpoint: option<string | undefined>(endpoint, undefined, {
    doc: 'The S3 server, such as http://127.0.0.1:9000.',
    defaultText: "that of AWS in the region; a worker's is its coordinator's",
    alsoVariables: ['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL'],
  }),
  s3Region: option<string | undefined>(line, undefined, {
    doc: 'The region of the S3 server.',
    defaultText: "`us-east-1`; a worker's is its coordinator's",
    alsoVariables: ['AWS_REGION', 'AWS_DEFAULT_REGION'],
  }),
  s3AccessKeyFile: option<string | undefined>(path, undefined, {
    doc: 'A file with the access key. Nobody but its owner and group may be able to read it.',
    defaultText: 'the AWS variables',
  }),
  s3SecretKeyFile: option<string | undefined>(path, undefined, {
    doc: 'A file with the secret key. Nobody but its owner and group may be able to read it.',
    defaultText: 'the AWS variables',
  }),
  s3CaFile: option<string | undefined>(path, undefined, {
    doc: 'A PEM file of the authority that signed the certificate of the S3 server.',
    defaultText: 'the authorities that Node knows',
    alsoVariables: ['AWS_CA_BUNDLE'],
  }),
  s3AccessKey: option<string | undefined>(line, undefined, {
    doc: 'The access key, where no file holds it.',
    alsoVariables: ['AWS_ACCESS_KEY_ID'],
    alsoVariablesOnly: true,
    isSecret: true,
  }),
  s3SecretKey: option<string | undefined>(line, undefined, {
    doc: 'The secret key, where no file holds it.',
    alsoVariables: ['AWS_SECRET_ACCESS_KEY'],
    alsoVariablesOnly: true,
    isSecret: true,
  }),
  s3SessionToken: option<string | undefined>(line, undefined, {
    doc: 'Goes with an access key and a secret key of these variables that are for a limited time.',
    alsoVariables: ['AWS_SESSION_TOKEN'],
    alsoVariablesOnly: true,
    isSecret: true,
  }),
};
