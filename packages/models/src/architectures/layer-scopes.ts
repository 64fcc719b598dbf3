import { type Device, type Tensor } from "@whittle/core";

/**
 * Threads a state through layers, each in a scope of its own, and frees a state as soon as the next one exists: a forward pass then needs the
 * memory of one layer, whatever their number. `initial` stays the caller's.
 */
export function throughLayers<Layer, State extends Readonly<Record<string, Tensor | undefined>>>(
  device: Device,
  layers: readonly Layer[],
  initial: State,
  apply: (state: State, layer: Layer, index: number) => State,
): State {
  return layers.reduce((state, layer, index) => {
    const next = device.scope(() => apply(state, layer, index));
    if (state !== initial) for (const tensor of Object.values(state)) tensor?.dispose();
    return next;
  }, initial);
}
