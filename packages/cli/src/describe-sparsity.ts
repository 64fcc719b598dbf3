import { type SparsityReport } from "@whittle/models";
import { formatBytes } from "./byte-size.js";
import { plural } from "./plural.js";

/** What people are told of weights that were stored without their zeros, or put back whole. */
export function describeSparsity({ format, sites, kept }: SparsityReport): string {
  const before = sites.reduce((sum, site) => sum + site.bytesBefore, 0);
  const after = sites.reduce((sum, site) => sum + site.bytesAfter, 0);
  const zeros = sites.reduce((sum, site) => sum + site.zeros, 0) / Math.max(1, sites.length);
  return [
    `${plural(sites.length, "weight")} as ${format}: ${formatBytes(before)} in ${formatBytes(after)}` +
      (sites.length > 0 ? `, ${(100 * zeros).toFixed(1)} % zeros` : ""),
    ...(kept.length > 0 ? [`${kept.length} kept: ${kept[0]!.site}, ${kept[0]!.reason}`] : []),
  ].join("; ");
}
