// The normalisations of a row. A block holds the row in registers, eight elements a thread, and reads it once; only what lies beyond the 8,192nd element is
// read again.
#pragma once

#include <cstring>

#include "chunk.cuh"
#include "kernel.cuh"
#include "reduce.cuh"

namespace whittle::cuda {

constexpr int normThreads = 1024;

struct NormArguments {
  // With a residual, what is normalised is x + residual, rounded to the dtype of `sum`.
  Tensor x{}, residual{}, weight{}, bias{}, sum{}, y{};
  double epsilon = 0;
};

// A row as one thread sees it: the chunks at `first`, `first + step` and so on, of which the first stays in registers.
template <typename T, bool whole>
struct NormRow {
  const T* source;
  int columns;
  int first, step;
  Chunk held;

  __device__ int left(int from) const { return whole ? chunkSize : columns - from; }
  __device__ Chunk read(const T* row, int from) const { return loadChunk<whole>(row + from, left(from)); }
  __device__ void write(T* row, int from, const Chunk& chunk) const { storeChunk<whole>(row + from, chunk, left(from)); }

  template <typename Visit>
  __device__ void each(Visit visit) const {
    if (first < columns) visit(first, held);
    for (int from = first + step; from < columns; from += step) visit(from, read(source, from));
  }

  // Σ x over the whole row; beyond it the chunks hold zeros.
  __device__ float sum() const {
    float total = 0;
    each([&](int, const Chunk& chunk) {
#pragma unroll
      for (int i = 0; i < chunkSize; i++) total += chunk.x[i];
    });
    return blockSum(total);
  }

  // Σ (x − mean)². Spelt out, as the compiler would contract it in one of the kernels and not in another.
  __device__ float sumSquares(float mean) const {
    float total = 0;
    each([&](int from, const Chunk& chunk) {
#pragma unroll
      for (int i = 0; i < chunkSize; i++) {
        const float distance = i < left(from) ? chunk.x[i] - mean : 0.0f;
        total = fmaf(distance, distance, total);
      }
    });
    return blockSum(total);
  }

  // Σ term(x) in float64, one element at a time: slow, but in few registers.
  template <typename Term>
  __device__ double wideSum(Term term) const {
    double total = 0;
    eachElement([&](int i) { total += term(static_cast<double>(toFloat(source[i]))); });
    return blockSum(total);
  }

  template <typename Visit>
  __device__ void eachElement(Visit visit) const {
    for (int from = first; from < columns; from += step) {
#pragma unroll 1
      for (int i = from; i < from + chunkSize && i < columns; i++) visit(i);
    }
  }
};

// A chunk of a weight as it is stored: to be on its way while the row is summed up, it must not be looked at.
struct RawChunk {
  uint4 low, high;
};

__device__ inline RawChunk loadRaw(const Tensor& elements, int first) {
  const auto* const source = reinterpret_cast<const uint4*>(static_cast<const char*>(elements.data) + bytesOf(elements.dtype, first));
  RawChunk raw{source[0], {}};
  if (elements.dtype == DType::f32) raw.high = source[1];
  return raw;
}

template <typename T>
__device__ inline Chunk decodeRaw(const RawChunk& raw) {
  T stored[chunkSize];
  std::memcpy(stored, &raw, sizeof stored);
  Chunk chunk;
#pragma unroll
  for (int i = 0; i < chunkSize; i++) chunk.x[i] = toFloat(stored[i]);
  return chunk;
}

__device__ inline Chunk decodeRaw(DType dtype, const RawChunk& raw) {
  return dtype == DType::f16 ? decodeRaw<F16>(raw) : dtype == DType::bf16 ? decodeRaw<BF16>(raw) : decodeRaw<float>(raw);
}

// A row whose squares leave f32, or that has infinities or NaN in it.
template <bool centred, typename T, bool whole>
__device__ inline void normaliseWide(const NormRow<T, whole>& row, T* target, const NormArguments& arguments) {
  const double mean = centred ? row.wideSum([](double x) { return x; }) / row.columns : 0.0;
  const double squares = row.wideSum([mean](double x) { return (x - mean) * (x - mean); });
  const double scale = 1.0 / sqrt(squares / row.columns + arguments.epsilon);
  row.eachElement([&](int i) {
    const double weight = loadElements(arguments.weight, i, 1).x[0];
    const double bias = centred ? loadElements(arguments.bias, i, 1).x[0] : 0.0;
    target[i] = fromFloat<T>(static_cast<float>((toFloat(row.source[i]) - mean) * scale * weight + bias));
  });
}

// `centred`: layer normalisation; else by the root of the mean square. `added`: there is a residual.
template <typename T, bool centred, bool added, bool whole>
__global__ void __launch_bounds__(normThreads) normKernel(NormArguments arguments) {
  const Tensor &weight = arguments.weight, &bias = arguments.bias;
  const int columns = static_cast<int>(arguments.x.columns()), first = threadIdx.x * chunkSize, step = blockDim.x * chunkSize;
  // Threads beyond the row read its beginning and leave it: a branch would have one load waited for before the next is issued.
  const int at = first < columns ? first : 0;
  prefetchL2(static_cast<const char*>(weight.data) + bytesOf(weight.dtype, at * weight.rowStride));
  afterPrevious();
  NormRow<T, whole> row{arguments.x.row<const T>(blockIdx.x), columns, first, step, {}};
  RawChunk rawWeight{}, rawBias{};
  if constexpr (whole) {
    rawWeight = loadRaw(weight, at);
    if constexpr (centred) rawBias = loadRaw(bias, at);
  }
  row.held = row.read(row.source, at);
  if constexpr (added) {
    T* const sum = arguments.sum.row<T>(blockIdx.x);
    const T* const residual = arguments.residual.row<const T>(blockIdx.x);
    const auto rounded = [](Chunk chunk, const Chunk& more) {
#pragma unroll
      for (int i = 0; i < chunkSize; i++) chunk.x[i] = toFloat(fromFloat<T>(chunk.x[i] + more.x[i]));
      return chunk;
    };
    row.held = rounded(row.held, row.read(residual, at));
    if (first < columns) row.write(sum, first, row.held);
    for (int from = first + step; from < columns; from += step) row.write(sum, from, rounded(row.read(row.source, from), row.read(residual, from)));
    row.source = sum;
  }
  T* const target = arguments.y.row<T>(blockIdx.x);
  float mean = 0;
  if constexpr (centred) mean = row.sum() / columns;
  const float scale = 1.0f / sqrtf(row.sumSquares(mean) / columns + static_cast<float>(arguments.epsilon));
  // The same in all threads. Squares below f32 do not count beside an epsilon; without one they do.
  if (!(scale > 1e-18f && scale < 1e15f)) return normaliseWide<centred>(row, target, arguments);
  row.each([&](int from, const Chunk& chunk) {
    const auto elements = [&](const Tensor& tensor, const RawChunk& raw) {
      if constexpr (!whole) return loadElements(tensor, from, columns - from);
      return decodeRaw(tensor.dtype, from == first ? raw : loadRaw(tensor, from));
    };
    Chunk result = elements(weight, rawWeight);
    Chunk shift{};
    if constexpr (centred) shift = elements(bias, rawBias);
#pragma unroll
    for (int i = 0; i < chunkSize; i++) {
      const float normed = (chunk.x[i] - mean) * scale;
      result.x[i] = centred ? fmaf(normed, result.x[i], shift.x[i]) : normed * result.x[i];
    }
    row.write(target, from, result);
  });
}

template <bool centred, bool added>
bool normalise(const Call& call, NormArguments arguments) {
  const Tensor& y = arguments.y;
  arguments.epsilon = call.attributes[0];
  const bool whole = wholeRows(arguments.x) && wholeRows(y) && wholeElements(arguments.weight) && (!centred || wholeElements(arguments.bias)) &&
                     (!added || (wholeRows(arguments.residual) && wholeRows(arguments.sum)));
  const int64_t threads = 32 * divideUp(y.columns(), 32 * chunkSize);
  if (threads == 0) return true;
  const dim3 grid(static_cast<unsigned>(y.rows())), block(static_cast<unsigned>(threads < normThreads ? threads : normThreads));
  return withChunks(y.dtype, whole,
                    [&]<typename T, bool chunks>() { return call.launch(normKernel<T, centred, added, chunks>, grid, block, 0, arguments); });
}

}  // namespace whittle::cuda
