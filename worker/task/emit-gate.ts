/** Whether emits are taken at present: only while the record that they belong to is being mapped. */
import { GristmillError } from '../../shared/errors.js';

export class EmitGate {
  isOpen = false;
}

export function lateEmit(): GristmillError {
  return new GristmillError(
    'emit-after-end',
    'emit was called after its record had ended; await everything that emits before map returns',
  );
}
