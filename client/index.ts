/** Reserved for `the TypeScript client`: importing it says that it is not built yet. */
import { GristmillError } from '../shared/errors.js';

throw new GristmillError('not-built-yet', "'gristmill/client' is reserved and not built yet");
