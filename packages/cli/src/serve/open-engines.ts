import { ArgumentError, type Device, type Logger } from "@whittle/core";
import { loadModel, type LoadedModel } from "@whittle/models";
import { type Engine } from "@whittle/serving";
import { describeWeights } from "../describe-weights.js";
import { formatBytes } from "../byte-size.js";
import { plural } from "../plural.js";
import { type ProgressDisplay } from "../progress-display.js";
import { startEngine } from "../start-engine.js";
import { weightLoading } from "../weights.js";
import { type CacheNeed, planCaches, tokenBytes } from "./plan-caches.js";
import { type ModelSource, type ServerOptions } from "./server-options.js";

/**
 * Loads all models on one device, shares the memory out to their caches, and starts an engine for each. Says what was chosen and why.
 * What was started is closed again when a later one fails.
 */
export async function openEngines(
  device: Device,
  options: ServerOptions,
  log: Logger,
  progress: ProgressDisplay,
): Promise<Engine[]> {
  const models: { model: LoadedModel; source: ModelSource }[] = [];
  try {
    for (const source of options.models) {
      const startedAt = performance.now();
      const activations = source.activations ?? options.activations;
      const loaded = await loadModel(source.folder, {
        device,
        ...(activations && { activations }),
        ...weightLoading({ ...options, ...source }, device),
        onProgress: progress.listener,
      });
      progress.stop();
      const model = source.name === undefined ? loaded : { ...loaded, name: source.name };
      models.push({ model, source });
      log.info(
        `${model.name} loaded in ${((performance.now() - startedAt) / 1000).toFixed(2)} s, computes in ${model.activations}`,
      );
      for (const line of describeWeights(model)) log.info(`${model.name}: ${line}`);
    }
  } finally {
    progress.stop();
  }
  const twice = models.find(({ model }, index) => models.findIndex((other) => other.model.name === model.name) < index);
  if (twice)
    throw new ArgumentError(`two models are called ${twice.model.name}: give them names, as in small=./a large=./b`);

  const { budget, live } = device.memory();
  const settings = models.map(({ model, source }) => ({ model, ...settingsOf(model, source, options) }));
  const plans = planCaches(settings, { free: budget - live, chosen: options.memory !== undefined });
  const engines: Engine[] = [];
  try {
    for (const [index, { model, maxSequences, cacheDtype, ctx }] of settings.entries()) {
      const { bytes, limit } = plans[index]!;
      const cacheOptions = {
        ...(cacheDtype && { cacheDtype }),
        ...(ctx !== undefined && { ctx }),
        ...(options.memory !== undefined && { memory: options.memory }),
      };
      const { engine, cacheBytes } = startEngine(model, cacheOptions, {
        maxSequences,
        maxWaiting: options.maxWaiting,
        cacheBytes: bytes,
      });
      engines.push(engine);
      log.info(describeCache(engine, { cacheBytes, cacheDtype: cacheDtype ?? model.activations, maxSequences, limit }));
    }
  } catch (error) {
    await Promise.all(engines.map((engine) => engine.close({ abort: true })));
    throw error;
  }
  return engines;
}

function settingsOf(
  { name, model }: LoadedModel,
  source: ModelSource,
  options: ServerOptions,
): CacheNeed & { cacheDtype: ServerOptions["cacheDtype"]; ctx: number | undefined } {
  const { layers, maxPositions } = model.shape;
  const { ctx = options.ctx, maxSequences = options.maxSequences, cacheDtype = options.cacheDtype } = source;
  const context = Math.min(ctx ?? maxPositions, maxPositions);
  return { name, ctx, maxSequences, cacheDtype, context, bytesPerToken: tokenBytes(layers, cacheDtype) };
}

function describeCache(
  engine: Engine,
  {
    cacheBytes,
    cacheDtype,
    maxSequences,
    limit,
  }: { cacheBytes: number; cacheDtype: string; maxSequences: number; limit: string | undefined },
): string {
  const { blocks, blockRows } = engine.stats();
  const room = blocks.total * blockRows;
  const why =
    limit === undefined
      ? `room for ${plural(maxSequences, "request")} of that length at once`
      : `room for ${Math.floor(room / engine.contextLength)} of ${plural(maxSequences, "request")} of that length at once (${limit})`;
  return `${engine.name}: context ${engine.contextLength} tokens; cache ${formatBytes(cacheBytes)} ${cacheDtype} for ${room} tokens, ${why}`;
}
