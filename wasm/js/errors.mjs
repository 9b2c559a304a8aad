// The one error class of the package, and its plain form that crosses between workers.

export class WhittleError extends Error {
  constructor(code, message, where = []) {
    super(message);
    this.name = 'WhittleError';
    this.code = code;
    this.where = [...where];
  }
  toString() {
    return `${this.code}: ${this.message}` + this.where.map((place) => `, in ${place}`).join('');
  }
  toJSON() {
    return { code: this.code, message: this.message, where: this.where };
  }
}

// What a platform says when reading or writing fails, as a sentence.
const PLATFORM_ERRORS = {
  NotReadableError: ['io', 'a file changed or became unreadable after it was chosen'],
  NotFoundError: ['not_found', 'a file or folder is gone since it was chosen'],
  NotAllowedError: ['io', 'permission to use this file or folder was not given'],
  NoModificationAllowedError: ['io', 'this file or folder may not be changed'],
  QuotaExceededError: ['io', 'the disk or the storage that this browser grants is full'],
  ENOSPC: ['io', 'no space left on the disk'],
  EDQUOT: ['io', 'the disk quota is used up'],
  EACCES: ['io', 'permission denied'],
  EPERM: ['io', 'operation not permitted'],
  ENOENT: ['not_found', 'no such file or folder'],
  EISDIR: ['io', 'is a folder'],
  ENOTDIR: ['io', 'a part of the path is not a folder'],
  EROFS: ['io', 'the file system is read-only'],
  EFBIG: ['io', 'the file would become too large for its file system'],
  EIO: ['io', 'the disk reported an error'],
  EMFILE: ['io', 'too many open files'],
  ENAMETOOLONG: ['io', 'the name is too long'],
  AbortError: ['cancelled', 'cancelled'],
};

// Any thrown value as a WhittleError; `place` is added when the value did not name one.
export function toWhittleError(thrown, place) {
  if (thrown instanceof WhittleError) return thrown;
  const where = place ? [place] : [];
  const known = thrown && (PLATFORM_ERRORS[thrown.code] || PLATFORM_ERRORS[thrown.name]);
  if (known) return new WhittleError(known[0], known[1], where);
  if (thrown instanceof RangeError) return new WhittleError('limit', 'not enough memory', where);
  const text = thrown && thrown.message ? thrown.message : String(thrown);
  return new WhittleError('internal', text, where);
}

export const fromPlain = (plain) => new WhittleError(plain.code, plain.message, plain.where);
export const cancelled = () => new WhittleError('cancelled', 'cancelled');
