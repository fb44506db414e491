import type { ImageName } from "../../oci/index.ts";
import { RequestFault } from "../problem.ts";
import { image, platforms, type FieldReader } from "./fields.ts";

const maxImages = 1000;
const maxParallel = 16;

/** From one image to 1,000 of them. */
export const images: FieldReader<ImageName[]> = (value, name) => {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxImages) {
    throw new RequestFault(
      400,
      `${name} must be a list of 1 to ${maxImages} images such as docker.io/library/alpine:3`,
    );
  }
  return value.map((one) => image(one, name));
};

/** `["all"]` stands for every platform that an image has; null and nothing for what suits best. */
export const wantedPlatforms: FieldReader<string[] | "all" | undefined> = (value, name) => {
  if (Array.isArray(value) && value.length === 1 && value[0] === "all") return "all";
  try {
    return platforms(value, name);
  } catch (error) {
    if (!(error instanceof RequestFault)) throw error;
    throw new RequestFault(400, `${name} must be a list such as ["linux/amd64", "linux/arm/v7"], or ["all"]`);
  }
};

export const imagesAtOnce: FieldReader<number> = (value, name) => {
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= maxParallel) return value;
  throw new RequestFault(400, `${name} must be a whole number from 1 to ${maxParallel}`);
};
