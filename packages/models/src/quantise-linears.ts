import {
  blockCodecs,
  type BlockDType,
  bytesOf,
  decode,
  type Device,
  elementsOf,
  isBlockDType,
  isTensor,
  type Linear,
  type LinearWeight,
  type ProgressListener,
  quantise,
  type Shape,
  type Tensor,
} from "@whittle/core";

/** What became of the weight of one linear layer. */
export interface QuantisedSite {
  readonly site: string;
  readonly shape: Shape;
  /** √(Σ(w − ŵ)² / Σw²): the size of the error beside that of the weight. */
  readonly relativeError: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** What quantising a model's weights has done to them. */
export interface QuantisationReport {
  readonly dtype: BlockDType;
  /** Worst first. */
  readonly sites: readonly QuantisedSite[];
  /** √(Σ(w − ŵ)² / Σw²) over all of them. */
  readonly relativeError: number;
  /** Layers that stay as they are, with the reason. */
  readonly kept: readonly { readonly site: string; readonly reason: string }[];
}

export interface QuantiseLinearsOptions {
  readonly device: Device;
  readonly dtype: BlockDType;
  /** The loaded tensors by name: a weight that a layer no longer uses is disposed and its entry replaced. */
  readonly weights: Map<string, Tensor>;
  /** Weights that are read by more than their layer: an embedding table that is the head as well. */
  readonly shared: ReadonlySet<LinearWeight>;
  readonly onProgress?: ProgressListener | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Replaces the weights of linear layers by quantised ones, one after another: at most one more tensor is in memory than before, as stored and as f32 on the host.
 *
 * A shared weight (a tied head) gets a quantised copy beside it: the head reads all of it in each step, the embedding a row for each token, so
 * the table stays exact and its copy costs `bytesAfter`. Weights whose rows are no whole blocks, and those that are blocks already, stay as they are.
 * @returns the report, and the tensors that are in no entry of `weights`: the caller's to dispose.
 */
export async function quantiseLinears(
  linears: ReadonlyMap<string, Linear>,
  { device, dtype, weights, shared, onProgress, signal }: QuantiseLinearsOptions,
): Promise<{ report: QuantisationReport; copies: readonly Tensor[] }> {
  const sites: QuantisedSite[] = [];
  const kept: { site: string; reason: string }[] = [];
  const copies: Tensor[] = [];
  const total = [...linears.values()].reduce((sum, { weight }) => sum + elementsOf(weight.shape), 0);
  let [done, error, size] = [0, 0, 0];
  try {
    for (const [site, layer] of linears) {
      signal?.throwIfAborted();
      const weight = quantisable(layer.weight, dtype);
      if (typeof weight === "string") {
        kept.push({ site, reason: weight });
      } else {
        const values = (await weight.read()) as Float32Array;
        const blocks = quantise(values, dtype);
        const replacement = device.unscoped(() => device.tensorFromBytes(blocks, weight.shape, dtype));
        const squares = squaresOf(values, decode(dtype, blocks) as Float32Array);
        error += squares.error;
        size += squares.size;
        sites.push({
          site,
          shape: weight.shape,
          relativeError: relative(squares),
          bytesBefore: weight.elements * bytesOf(weight.dtype),
          bytesAfter: blocks.length,
        });
        layer.weight = replacement;
        const name = shared.has(weight) ? undefined : nameOf(weight, weights);
        if (name === undefined) {
          copies.push(replacement);
        } else {
          weights.set(name, replacement);
          weight.dispose();
        }
      }
      done += elementsOf(layer.weight.shape);
      onProgress?.({ stage: "quantising weights", done, total, unit: "elements" });
    }
  } catch (failure) {
    for (const copy of copies) copy.dispose();
    throw failure;
  }
  sites.sort((a, b) => b.relativeError - a.relativeError);
  return { report: { dtype, sites, relativeError: relative({ error, size }), kept }, copies };
}

/** The matrix to be quantised, or why the weight stays as it is. */
function quantisable(weight: LinearWeight, wanted: BlockDType): Tensor | string {
  if (!isTensor(weight)) return `stored as ${weight.format.name}`;
  if (isBlockDType(weight.dtype)) return `stored as ${weight.dtype}`;
  const [columns, { elements }] = [weight.shape[1]!, blockCodecs[wanted]];
  if (columns % elements !== 0) return `its rows have ${columns} elements, no multiple of ${elements}`;
  return weight;
}

function nameOf(tensor: Tensor, weights: ReadonlyMap<string, Tensor>): string | undefined {
  for (const [name, other] of weights) if (other === tensor) return name;
  return undefined;
}

function squaresOf(values: Float32Array, decoded: Float32Array): { error: number; size: number } {
  let [error, size] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const difference = value - decoded[i]!;
    error += difference * difference;
    size += value * value;
  }
  return { error, size };
}

function relative({ error, size }: { error: number; size: number }): number {
  return size === 0 ? 0 : Math.sqrt(error / size);
}
