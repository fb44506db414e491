// What every client can be asked: pull an image through the cache, show that its content is right, forget everything.
import type { ChildProcesses } from "./child-processes.ts";
import type { Credentials } from "./credentials.ts";
import type { FixtureImage } from "./fixture-manifests.ts";

export interface Client {
  readonly name: string;
  readonly logFile: string | undefined;
  /** The blobs a pull of this image needs; clients that copy all platforms need more. */
  readonly neededBlobs: (image: FixtureImage) => Map<string, Buffer>;
  readonly pull: (image: FixtureImage) => Promise<void>;
  /** Pulls by a name that leads to the cache alone, such as `127.0.0.1:5000/docker.io/library/demo:1`. */
  readonly pullName: (name: string, credentials?: Credentials) => Promise<void>;
  /** Throws unless what the client now holds is the fixture's, byte for byte. */
  readonly verify: (image: FixtureImage) => Promise<void>;
  /** Removes every image and every layer. */
  readonly empty: () => Promise<void>;
  /** What can push an image that the client has pulled. */
  readonly pushers: readonly Pusher[];
  readonly stop: () => Promise<void>;
}

/** Where an image is pushed to: a name below the cache, and what is shown there. */
export interface PushTarget extends Credentials {
  readonly host: string;
  readonly repository: string;
  readonly tag: string;
}

export interface Pusher {
  readonly name: string;
  /** Resolves to the digest of the manifest that was pushed, as the program itself tells it. */
  readonly push: (image: FixtureImage, target: PushTarget) => Promise<string>;
}

export interface ClientSettings {
  readonly processes: ChildProcesses;
  /** The client's own: state, configuration, sockets. */
  readonly directory: string;
  readonly cachePort: number;
}
