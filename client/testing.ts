/** Reserved for `runJob`: importing it says that it is not built yet. */
import { GristmillError } from '../shared/errors.js';

throw new GristmillError('not-built-yet', "'gristmill/testing' is reserved and not built yet");
