const MIB = 1024 * 1024;

/**
 * Milliseconds that checking a configuration may take, and loading it just as well: 20 s for a machine that is busy
 * with something else, and 2 s for each MiB. Alertmanager 0.31.1 needs 0.07 s for one (10,000 receivers, 9 MiB: 0.65 s
 * each on two processors), so that about thirty times that is left to a slow or busy machine. What loading costs grows
 * with the file; a limit that does not grow is missed by large files alone.
 */
export function loadDeadline(bytes: number): number {
  return 20_000 + Math.ceil((bytes / MIB) * 2_000);
}

/** Milliseconds for a whole `PUT /v1/config`: a check, a load, and a second load when the last good one must come back. */
export function putDeadline(bytes: number): number {
  return 20_000 + 3 * loadDeadline(bytes);
}
