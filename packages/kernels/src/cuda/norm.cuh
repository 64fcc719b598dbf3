// The normalisations of a row. A block holds the row in registers, a few chunks a thread, and reads it once; only what lies beyond the 16,384th element is
// read again. A decode step waits for one row at a time: what counts is how long the chain from x to y is, and how many instructions a thread goes through.
#pragma once

#include <type_traits>

#include "chunk.cuh"
#include "kernel.cuh"
#include "reduce.cuh"

namespace whittle::cuda {

constexpr int normThreads = 1024;

struct NormArguments {
  // With a residual, what is normalised is x + residual, rounded to the dtype of `sum`.
  Tensor x{}, residual{}, weight{}, bias{}, sum{}, y{};
  // Weight and bias can be read before the kernels that run have ended.
  bool settled = false;
  double epsilon = 0;
  // As f32.
  float shortEpsilon = 0, inverseColumns = 0;
};

// A row as one thread sees it: the chunks at `first`, `first + step` and so on, of which the first ones stay in registers.
template <typename T, bool whole>
struct NormRow {
  // Half as many threads as chunks: fewer instructions in all, and fewer warps that wait for one another (H100, 4,096 columns).
  static constexpr int held = 2;

  const T* source;
  int columns;
  int first, step;
  Chunk chunks[held];

  __device__ int place(int i) const { return first + i * step; }
  // Threads beyond the row read its beginning and leave it: a branch would have one load waited for before the next is issued.
  __device__ int readable(int i) const { return place(i) < columns ? place(i) : 0; }
  __device__ int left(int from) const { return whole ? chunkSize : columns - from; }
  __device__ Chunk read(const T* row, int from) const { return loadChunk<whole>(row + from, left(from)); }
  __device__ void write(T* row, int from, const Chunk& chunk) const { storeChunk<whole>(row + from, chunk, left(from)); }

  // A chunk of x + residual, rounded, as it is kept until it has been stored: all are read before the first is.
  using Sum = std::conditional_t<whole, StoredChunk<T>, Chunk>;
  __device__ Sum plus(const T* residual, int from) const {
    if constexpr (whole) {
      return addStored(loadStored(source + from), loadStored(residual + from));
    } else {
      Chunk chunk = read(source, from);
      const Chunk more = read(residual, from);
#pragma unroll
      for (int i = 0; i < chunkSize; i++) chunk.x[i] = toFloat(fromFloat<T>(chunk.x[i] + more.x[i]));
      return chunk;
    }
  }
  __device__ Chunk valueOf(const Sum& sum) const {
    if constexpr (whole) {
      return decode(sum);
    } else {
      return sum;
    }
  }
  __device__ void put(T* row, int from, const Sum& sum) const {
    if constexpr (whole) {
      storeStored(row + from, sum);
    } else {
      write(row, from, sum);
    }
  }

  // Calls visit(place, chunk, i): chunk i of those held, or one that is read (-1).
  template <typename Visit>
  __device__ void each(Visit visit) const {
#pragma unroll
    for (int i = 0; i < held; i++) {
      if (place(i) < columns) visit(place(i), chunks[i], i);
    }
#pragma unroll 1
    for (int from = place(held); from < columns; from += step) visit(from, read(source, from), -1);
  }

  // Σ x over the whole row; beyond it the chunks hold zeros.
  __device__ float sum() const {
    float total = 0;
    each([&](int, const Chunk& chunk, int) {
#pragma unroll
      for (int i = 0; i < chunkSize; i++) total += chunk.x[i];
    });
    __shared__ float parts[32];
    return blockSumIn(parts, total);
  }

  // Σ (x − mean)². Spelt out, as the compiler would contract it in one of the kernels and not in another.
  __device__ float sumSquares(float mean) const {
    float total = 0;
    each([&](int from, const Chunk& chunk, int) {
      float own = 0;
#pragma unroll
      for (int i = 0; i < chunkSize; i++) {
        const float distance = i < left(from) ? chunk.x[i] - mean : 0.0f;
        own = fmaf(distance, distance, own);
      }
      total += own;
    });
    __shared__ float parts[32];
    return blockSumIn(parts, total);
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

// A whole chunk of a weight of any float dtype.
__device__ inline Chunk loadWhole(const Tensor& elements, int first) {
  if (elements.dtype == DType::f32) return decode(loadStored(static_cast<const float*>(elements.data) + first));
  const StoredChunk<BF16> stored = loadStored(static_cast<const BF16*>(elements.data) + first);
  return elements.dtype == DType::bf16 ? decode(stored) : decode(StoredChunk<F16>{stored.word[0]});
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
__global__ void __launch_bounds__(normThreads) normKernel(const __grid_constant__ NormArguments arguments) {
  using Row = NormRow<T, whole>;
  const Tensor &weight = arguments.weight, &bias = arguments.bias;
  Row row{arguments.x.row<const T>(blockIdx.x), static_cast<int>(arguments.x.columns()), static_cast<int>(threadIdx.x) * chunkSize,
          static_cast<int>(blockDim.x) * chunkSize, {}};
  const T* const residual = added ? arguments.residual.row<const T>(blockIdx.x) : nullptr;
  T* const sum = added ? arguments.sum.row<T>(blockIdx.x) : nullptr;
  T* const target = arguments.y.row<T>(blockIdx.x);
  letNextStart();
  Chunk weights[Row::held], biases[Row::held];
  const auto loadWeights = [&] {
#pragma unroll
    for (int i = 0; i < Row::held; i++) weights[i] = loadWhole(weight, row.readable(i));
    if constexpr (centred) {
#pragma unroll
      for (int i = 0; i < Row::held; i++) biases[i] = loadWhole(bias, row.readable(i));
    }
  };
  const bool early = whole && arguments.settled;
  if (early) loadWeights();
  // Else their addresses would be computed after the wait.
  prefetchL2(row.source + row.readable(0));
  prefetchL2(target + row.readable(0));
  if (added) {
    prefetchL2(residual + row.readable(0));
    prefetchL2(sum + row.readable(0));
  }
  awaitPrevious();
  if (whole && !early) loadWeights();
  if constexpr (added) {
    typename Row::Sum sums[Row::held];
#pragma unroll
    for (int i = 0; i < Row::held; i++) sums[i] = row.plus(residual, row.readable(i));
#pragma unroll
    for (int i = 0; i < Row::held; i++) {
      row.chunks[i] = row.valueOf(sums[i]);
      if (row.place(i) < row.columns) row.put(sum, row.place(i), sums[i]);
    }
#pragma unroll 1
    for (int from = row.place(Row::held); from < row.columns; from += row.step) row.put(sum, from, row.plus(residual, from));
    row.source = sum;
  } else {
#pragma unroll
    for (int i = 0; i < Row::held; i++) row.chunks[i] = row.read(row.source, row.readable(i));
  }
  float mean = 0;
  if constexpr (centred) mean = row.sum() * arguments.inverseColumns;
  const float scale = rsqrtf(fmaf(row.sumSquares(mean), arguments.inverseColumns, arguments.shortEpsilon));
  // The same in all threads. Squares below f32 do not count beside an epsilon; without one they do.
  if (!(scale > 1e-18f && scale < 1e15f)) [[unlikely]] return normaliseWide<centred>(row, target, arguments);
  row.each([&](int from, const Chunk& chunk, int i) {
    const auto elements = [&](const Tensor& tensor, const Chunk* loaded) {
      if constexpr (!whole) {
        return loadElements(tensor, from, row.columns - from);
      } else {
        return i >= 0 ? loaded[i] : loadWhole(tensor, from);
      }
    };
    Chunk result = elements(weight, weights);
    Chunk shift{};
    if constexpr (centred) shift = elements(bias, biases);
#pragma unroll
    for (int k = 0; k < chunkSize; k++) {
      const float normed = (chunk.x[k] - mean) * scale;
      result.x[k] = centred ? fmaf(normed, result.x[k], shift.x[k]) : normed * result.x[k];
    }
    row.write(target, from, result);
  });
}

template <bool centred, bool added>
bool normalise(const Call& call, NormArguments arguments) {
  const Tensor& y = arguments.y;
  arguments.epsilon = call.attributes[0];
  arguments.shortEpsilon = call.number(0);
  arguments.inverseColumns = 1.0f / static_cast<float>(y.columns());
  const bool whole = wholeRows(arguments.x) && wholeRows(y) && wholeElements(arguments.weight) && (!centred || wholeElements(arguments.bias)) &&
                     (!added || (wholeRows(arguments.residual) && wholeRows(arguments.sum)));
  return withChunks(y.dtype, whole, [&]<typename T, bool chunks>() {
    const int64_t threads = 32 * divideUp(y.columns(), 32 * chunkSize * NormRow<T, chunks>::held);
    if (threads == 0) return true;
    const dim3 grid(static_cast<unsigned>(y.rows())), block(static_cast<unsigned>(threads < normThreads ? threads : normThreads));
    return call.launch(normKernel<T, centred, added, chunks>, grid, block, 0, arguments);
  });
}

}  // namespace whittle::cuda
