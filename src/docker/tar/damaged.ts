// Errors of the tar reader about bytes that are not a readable tar archive.

/** `message` says what is wrong with the archive and completes "Could not read `content`: ...". */
export class TarDamaged extends Error {}

/** The archive ends before its end mark. */
export class TarCutOff extends Error {}

/** The headers of one entry, or the list of pieces of a sparse file, exceed their limit. */
export class TarHeadersTooLong extends Error {}
