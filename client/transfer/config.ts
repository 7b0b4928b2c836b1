/** The options of commands that move data. */
import { clientSchema } from '../../shared/config/schema.js';

/** No coordinator has a part in an upload. */
const { coordinator: _coordinator, tokenFile: _tokenFile, store: _store, ...uploading } = clientSchema;

export const uploadSchema = uploading;
