import { type Rejection, type RejectionCode, rejection } from '../domain/rejection.js';

/** A well-formed command was refused; nothing of it remains. The API turns it into a problem document. */
export class Rejected extends Error {
  override readonly name = 'Rejected';
  constructor(readonly rejection: Rejection) {
    super(rejection.message);
  }
}

/** Shorthand for refusing with a code and a sentence. */
export function refuse(code: RejectionCode, message: string, details?: Rejection['details']): Rejected {
  return new Rejected(rejection(code, message, details));
}
