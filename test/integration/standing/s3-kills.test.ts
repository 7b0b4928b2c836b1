/** Kills in a cluster whose store and data are in a bucket. */
import { describeWithMinio } from '../../harness/minio-suite.js';
import { testKills } from '../../harness/kill-suite.js';

describeWithMinio('with a bucket', () => testKills('bucket'));
