// The image service of containerd's CRI plugin, which the kubelet asks to pull.
import { fileURLToPath } from "node:url";
import { credentials, loadPackageDefinition, type Client, type ServiceError } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

type Method = (
  request: { image: { image: string } },
  options: { deadline: number },
  done: (error: ServiceError | null) => void,
) => void;

interface ImageServiceClient extends Client {
  PullImage: Method;
  RemoveImage: Method;
}

interface Definition {
  runtime: { v1: { ImageService: new (address: string, how: unknown) => ImageServiceClient } };
}

export interface ImageService {
  /** Rejects where the image cannot be pulled. */
  readonly pull: (image: string) => Promise<void>;
  readonly remove: (image: string) => Promise<void>;
  readonly close: () => void;
}

const timeoutMs = 90_000;

/** @param socket of containerd */
export function openImageService(socket: string): ImageService {
  const path = fileURLToPath(new URL("image-service.proto", import.meta.url));
  const { runtime } = loadPackageDefinition(loadSync(path)) as unknown as Definition;
  const client = new runtime.v1.ImageService(`unix:${socket}`, credentials.createInsecure());
  const call = (name: "PullImage" | "RemoveImage", image: string): Promise<void> =>
    new Promise((resolve, reject) => {
      client[name]({ image: { image } }, { deadline: Date.now() + timeoutMs }, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  return {
    pull: (image) => call("PullImage", image),
    remove: (image) => call("RemoveImage", image),
    close: () => client.close(),
  };
}
