/** The options of commands that move data. */
import { runSchema } from '../../shared/config/schema.js';

/** No coordinator has a part in an upload. */
const { coordinator: _coordinator, tokenFile: _tokenFile, store: _store, ...uploading } = runSchema;

export const uploadSchema = uploading;
