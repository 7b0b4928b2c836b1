/** Kills in a cluster whose store and data are in folders. */
import { testKills } from '../../harness/kill-suite.js';

testKills('folders');
