// The normalisations of a row. A block holds the row in registers, eight elements a thread, and reads it once; only what is longer than 8,192 elements is
// read again.
#pragma once

#include "chunk.cuh"
#include "kernel.cuh"
#include "reduce.cuh"

namespace whittle::cuda {

constexpr int normThreads = 1024;

// With a residual, what is normalised is x + residual, rounded to the dtype of `sum`.
struct NormArguments {
  Tensor x{}, residual{}, weight{}, bias{}, sum{}, y{};
  double epsilon = 0;
  bool packed = false, packedWeight = false, packedBias = false;
};

// A row as one thread sees it: the chunks at `first`, `first + step` and so on, of which the first stays in registers. `whole`: there is no more than the
// first, and it is a full and aligned one.
template <typename T, bool whole>
struct NormRow {
  const T* source;
  int columns;
  int first, step;
  bool packed;
  Chunk held;

  __device__ int left(int from) const { return whole ? chunkSize : columns - from; }
  __device__ Chunk read(const T* tensor, int from) const { return loadChunk(tensor + from, left(from), whole || packed); }
  __device__ void write(T* tensor, int from, const Chunk& chunk) const { storeChunk(tensor + from, chunk, left(from), whole || packed); }

  template <typename Visit>
  __device__ void each(Visit visit) const {
    if (first < columns) visit(first, held);
    if constexpr (!whole) {
      for (int from = first + step; from < columns; from += step) visit(from, read(source, from));
    }
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

// A row whose squares leave f32, or that has infinities or NaN in it.
template <typename T, bool centred, bool whole>
__device__ inline void normaliseWide(const NormRow<T, whole>& row, T* target, const NormArguments& arguments) {
  const double mean = centred ? row.wideSum([](double x) { return x; }) / row.columns : 0.0;
  const double squares = row.wideSum([mean](double x) { return (x - mean) * (x - mean); });
  const double scale = 1.0 / sqrt(squares / row.columns + arguments.epsilon);
  row.eachElement([&](int i) {
    const double weight = loadElements(arguments.weight, i, false).x[0];
    const double bias = arguments.bias.present() ? loadElements(arguments.bias, i, false).x[0] : 0.0;
    target[i] = fromFloat<T>(static_cast<float>((toFloat(row.source[i]) - mean) * scale * weight + bias));
  });
}

// `centred`: layer normalisation; else by the root of the mean square.
template <typename T, bool centred, bool whole>
__global__ void __launch_bounds__(normThreads) normKernel(NormArguments arguments) {
  const Tensor &x = arguments.x, &residual = arguments.residual, &weight = arguments.weight;
  const int columns = static_cast<int>(x.columns()), first = threadIdx.x * chunkSize, step = blockDim.x * chunkSize;
  if (first < columns) prefetchL2(static_cast<const char*>(weight.data) + first * weight.rowStride * bytesOf(weight.dtype));
  afterPrevious();
  NormRow<T, whole> row{x.row<const T>(blockIdx.x), columns, first, step, arguments.packed, {}};
  if (first < columns) row.held = row.read(row.source, first);
  if (residual.present()) {
    T* const sum = arguments.sum.row<T>(blockIdx.x);
    const T* const other = residual.row<const T>(blockIdx.x);
    row.each([&](int from, const Chunk& chunk) {
      Chunk added = row.read(other, from);
#pragma unroll
      for (int i = 0; i < chunkSize; i++) added.x[i] = toFloat(fromFloat<T>(chunk.x[i] + added.x[i]));
      row.write(sum, from, added);
      if (from == first) row.held = added;
    });
    row.source = sum;
  }
  T* const target = arguments.y.row<T>(blockIdx.x);
  float mean = 0;
  if constexpr (centred) mean = row.sum() / columns;
  const float scale = 1.0f / sqrtf(row.sumSquares(mean) / columns + static_cast<float>(arguments.epsilon));
  // The same in all threads. Squares below f32 do not count beside an epsilon; without one they do.
  if (!(scale > 1e-18f && scale < 1e15f)) return normaliseWide<T, centred, whole>(row, target, arguments);
  row.each([&](int from, const Chunk& chunk) {
    Chunk result = loadElements(weight, from, whole || arguments.packedWeight);
    Chunk bias = {};
    if constexpr (centred) bias = loadElements(arguments.bias, from, whole || arguments.packedBias);
#pragma unroll
    for (int i = 0; i < chunkSize; i++) {
      const float normed = (chunk.x[i] - mean) * scale;
      result.x[i] = centred ? fmaf(normed, result.x[i], bias.x[i]) : normed * result.x[i];
    }
    row.write(target, from, result);
  });
}

template <bool centred>
bool normalise(const Call& call, const NormArguments& tensors) {
  NormArguments arguments = tensors;
  const Tensor& y = arguments.y;
  arguments.epsilon = call.attributes[0];
  arguments.packed = packedRows(arguments.x) && packedRows(y) && packedRows(arguments.residual) && packedRows(arguments.sum);
  arguments.packedWeight = packedElements(arguments.weight);
  arguments.packedBias = !arguments.bias.present() || packedElements(arguments.bias);
  const int64_t columns = y.columns();
  const bool whole =
      arguments.packed && arguments.packedWeight && arguments.packedBias && columns % chunkSize == 0 && columns <= normThreads * chunkSize;
  const int64_t threads = 32 * divideUp(columns, 32 * chunkSize);
  if (threads == 0) return true;
  const dim3 grid(static_cast<unsigned>(y.rows())), block(static_cast<unsigned>(threads < normThreads ? threads : normThreads));
  return withFloatType(y.dtype, [&]<typename T>() {
    return whole ? call.launch(normKernel<T, centred, true>, grid, block, 0, arguments)
                 : call.launch(normKernel<T, centred, false>, grid, block, 0, arguments);
  });
}

}  // namespace whittle::cuda
