import { describe, expect, it } from "vitest";
import { createProgressBar, formatProgress } from "../../../src/cli/progress-bar.ts";
import { terminal } from "./jobs.ts";

const nothing = { blobs: 0, totalBlobs: 0, bytes: 0, totalBytes: 0 };

describe("the progress bar", () => {
  it.each([
    [nothing, "verifying  0 B, 0 blobs"],
    [{ ...nothing, blobs: 3, bytes: 2048 }, "verifying  2.0 KiB, 3 blobs"],
    [
      { blobs: 0, totalBlobs: 2, bytes: 0, totalBytes: 1024 },
      "verifying [------------------------]   0.0 %  0 B of 1.0 KiB, 0 of 2 blobs",
    ],
    [
      { blobs: 2, totalBlobs: 2, bytes: 1024, totalBytes: 1024 },
      "verifying [########################] 100.0 %  1.0 KiB of 1.0 KiB, 2 of 2 blobs",
    ],
  ])("shows %j", (progress, text) => {
    expect(formatProgress("verifying", progress)).toBe(text);
  });

  it("does not run over the edge when more comes than was announced", () => {
    const more = { blobs: 3, totalBlobs: 2, bytes: 2048, totalBytes: 1024 };
    expect(formatProgress("verifying", more)).toContain("[########################]");
  });

  it("is not drawn where nobody would see it move", () => {
    let written = "";
    const bar = createProgressBar({ write: (text: string) => (written += text) }, "verifying");
    bar.draw(nothing);
    bar.clear();
    expect(written).toBe("");
  });

  it("fits into its line, and is not drawn for each blob", () => {
    const output = { ...terminal(), columns: 10 };
    const bar = createProgressBar(output, "verifying");
    bar.draw(nothing);
    bar.draw({ ...nothing, blobs: 1 });
    expect(output.written).toBe("\r\u001b[Kverifying");
  });
});
