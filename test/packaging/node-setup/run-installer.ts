import { install, uninstall } from "../../../src/installer/index.ts";

/** `install DIRECTORY` or `uninstall DIRECTORY`, as a process of its own that can be killed. */
const [what, directory = ""] = process.argv.slice(2);
if (what === "install") {
  install("containerd", directory, {
    address: "http://127.0.0.1:5000",
    dialTimeout: "1s",
    registries: ["docker.io", "ghcr.io"],
  });
} else uninstall("containerd", directory);
