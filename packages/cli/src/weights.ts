import { type Device, linearQ8 } from "@whittle/core";
import { type LoadOptions, type QuantisationReport, type WeightFormat, weightFormats } from "@whittle/models";
import { Option } from "commander";
import { formatBytes } from "./byte-size.js";
import { plural } from "./plural.js";

/** How commands load the weights of linear layers. */
export interface WeightOptions {
  /** Default: `stored`. */
  readonly weights?: WeightFormat;
  /** Whether activations stay as they are where weights are in blocks: quantised on load, or stored so in a GGUF file. Default: where the device has no faster way. */
  readonly exactActivations?: boolean;
  /** Whether activations are rounded to bf16 where weights are bf16. Default: false. */
  readonly bf16Activations?: boolean;
}

export const weightsOption = () =>
  new Option(
    "--weights <format>",
    "how weights of linear layers are kept: quantised on load, or without the zeros that a pruned model has (default: stored)",
  ).choices(weightFormats);
export const exactActivationsOption = [
  "--exact-activations",
  "with quantised weights (also those of GGUF files): activations stay f32 (default: on the CPU 8 bits, several times faster)",
] as const;
export const bf16ActivationsOption = [
  "--bf16-activations",
  "with bf16 weights: round what goes into linear layers to bf16, which is faster on CPUs with AVX512-BF16 (default: f32)",
] as const;

/** What `loadModel` is told. */
export function weightLoading(
  { weights, exactActivations = false, bf16Activations = false }: WeightOptions,
  device: Device,
): Pick<LoadOptions, "weights" | "int8Activations" | "bf16Activations"> {
  return {
    ...(weights && { weights }),
    int8Activations: !exactActivations && device.supports(linearQ8),
    ...(bf16Activations && { bf16Activations }),
  };
}

/** What people are told of a model that was quantised on load: sizes, the error in all and the sites with the largest. */
export function describeQuantisation({ dtype, sites, relativeError, kept }: QuantisationReport, int8: boolean): string {
  const before = sites.reduce((sum, site) => sum + site.bytesBefore, 0);
  const after = sites.reduce((sum, site) => sum + site.bytesAfter, 0);
  const worst = sites.slice(0, 3).map(({ site, relativeError: error }) => `${site} ${percent(error)}`);
  return [
    `${plural(sites.length, "weight")} as ${dtype}: ${formatBytes(before)} in ${formatBytes(after)}, error ${percent(relativeError)} (largest: ${worst.join(", ") || "none"})`,
    ...(int8 ? ["activations rounded to 8 bits (not with --exact-activations)"] : []),
    ...(kept.length > 0 ? [`${kept.length} kept: ${kept[0]!.site}, ${kept[0]!.reason}`] : []),
  ].join("; ");
}

function percent(part: number): string {
  return `${(100 * part).toFixed(2)} %`;
}
