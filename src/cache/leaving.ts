import { BodyBroken } from "./broken.ts";

/** `promise`, unless the client leaves first; the promise goes on by itself. @throws BodyBroken `closed` */
export function untilLeft<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const left = (): void => reject(new BodyBroken("closed", "the client has left"));
    if (signal.aborted) left();
    signal.addEventListener("abort", left, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", left));
  });
}
