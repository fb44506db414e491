/** Waits for `shared` no longer than the signal allows; the others that wait for it are not concerned. @throws the signal's reason */
export async function orAborted<T>(shared: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([shared, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
