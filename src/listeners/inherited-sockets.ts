/** A listening socket that the service manager has opened for this process. */
export interface InheritedSocket {
  fd: number;
  /** From `FileDescriptorName=`; `unknown` where it has none. */
  name: string;
}

const firstFd = 3;

/**
 * The sockets that were passed by `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES` (sd_listen_fds(3)); none where they are
 * meant for another process, as when a shell stands between.
 */
export function inheritedSockets(environment: NodeJS.ProcessEnv, pid: number): InheritedSocket[] {
  if (environment["LISTEN_PID"] !== String(pid)) return [];
  const count = /^\d{1,4}$/.test(environment["LISTEN_FDS"] ?? "") ? Number(environment["LISTEN_FDS"]) : 0;
  const names = (environment["LISTEN_FDNAMES"] ?? "").split(":");
  const nameOf = (index: number): string => (names[index] === "" ? "unknown" : (names[index] ?? "unknown"));
  return Array.from({ length: count }, (_, index) => ({ fd: firstFd + index, name: nameOf(index) }));
}
