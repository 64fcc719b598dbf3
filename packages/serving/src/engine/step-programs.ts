import {
  type ActivationRounding,
  type CausalLM,
  type Device,
  isWhittleError,
  type Linear,
  type Program,
  type Tensor,
} from "@whittle/core";

/** What a linear layer does, besides its tensors' content. */
interface LayerState {
  readonly weight: unknown;
  readonly bias: unknown;
  readonly rounding: ActivationRounding;
}

/** A step that was seen: recorded once, or, once it came again, kept as a program. */
interface KnownStep {
  readonly shapes: readonly (readonly number[])[];
  readonly layers: readonly LayerState[];
  program: Program | undefined;
}

/** Steps that are remembered. One sequence takes a new one each time that its table doubles; a batch one for each number of sequences, too. */
const MOST = 32;

/**
 * Replays decode steps: a step whose inputs have the shapes of one before, over the same weights, is not recorded again. It is kept as a program when it comes for the second
 * time; the least recently used are dropped. A model whose layers do more than their product (adapters) is recorded each time, and so is everything while somebody intercepts the device's ops.
 *
 * Rows are not rounded up to buckets: keeping a program costs no more than recording one step, while a row of padding costs a row of each step.
 */
export class StepPrograms {
  private readonly layers: readonly Linear[];
  /** Most recently used last. */
  private known: KnownStep[] = [];

  constructor(
    private readonly device: Device,
    model: CausalLM,
  ) {
    this.layers = [...model.linears.values()];
  }

  /** The same as `record()`: one tensor computed from `inputs`, which are all that changes from step to step. @throws OutOfMemory … */
  run(inputs: readonly Tensor[], record: () => Tensor): Tensor {
    if (this.device.intercepted || !this.layers.every(({ isPlain }) => isPlain)) return record();
    const known = this.find(inputs);
    if (!known) {
      this.remember(inputs);
      return record();
    }
    known.program ??= this.make(inputs, record);
    return known.program?.fits(inputs) ? known.program.run(inputs)[0]! : record();
  }

  /** Gives the programs' memory back. */
  dispose(): void {
    for (const { program } of this.known.splice(0)) program?.dispose();
  }

  private make(inputs: readonly Tensor[], record: () => Tensor): Program | undefined {
    try {
      return this.device.program(inputs, () => [record()]);
    } catch (error) {
      if (!isWhittleError(error, "out_of_memory")) throw error;
      // Whatever programs hold may be what is missing.
      this.dispose();
      return undefined;
    }
  }

  private find(inputs: readonly Tensor[]): KnownStep | undefined {
    const { known } = this;
    for (let i = known.length - 1; i >= 0; i--) {
      const step = known[i]!;
      if (!hasShapes(step.shapes, inputs)) continue;
      known.splice(i, 1);
      if (step.layers.every((state, at) => isAsBefore(state, this.layers[at]!))) {
        known.push(step);
        return step;
      }
      // Its weights were replaced.
      step.program?.dispose();
      return undefined;
    }
    return undefined;
  }

  private remember(inputs: readonly Tensor[]): void {
    const { known } = this;
    if (known.length === MOST) known.shift()!.program?.dispose();
    const layers = this.layers.map(({ weight, bias, rounding }) => ({ weight, bias, rounding }));
    known.push({ shapes: inputs.map(({ shape }) => shape), layers, program: undefined });
  }
}

function isAsBefore(state: LayerState, layer: Linear): boolean {
  return state.weight === layer.weight && state.bias === layer.bias && state.rounding === layer.rounding;
}

function hasShapes(shapes: readonly (readonly number[])[], inputs: readonly Tensor[]): boolean {
  if (shapes.length !== inputs.length) return false;
  for (let i = 0; i < shapes.length; i++) {
    const [before, now] = [shapes[i]!, inputs[i]!.shape];
    if (before.length !== now.length) return false;
    for (let d = 0; d < now.length; d++) if (before[d] !== now[d]) return false;
  }
  return true;
}
