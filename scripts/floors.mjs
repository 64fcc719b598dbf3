/**
 * The floors of the house (DESIGN: an import only ever points down). What each workspace may import of ours, by
 * folder; a new package gets a line here.
 */
const core = ["core"];
const packages = {
  core: [],
  kernels: core,
  models: core,
  kvcache: core,
  serving: ["core", "models", "kvcache"],
  cli: ["core", "kernels", "models", "kvcache", "serving"],
};

/** Those who compose everything. */
const composers = ["examples", "tests", "bench"];

/** The packages of ours that the workspace in `folder` (`packages/core`, `tests`) may import, or null for an unknown one. */
export function allowedImports(folder) {
  const [top, name] = folder.split("/");
  if (composers.includes(top)) return Object.keys(packages);
  return packages[name] ?? null;
}
