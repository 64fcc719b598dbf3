// Linear layers over one input as one product: the rows of their weights, put one after another, are its lines.
#pragma once

#include "kernel.cuh"
#include "silu.cuh"

namespace whittle::cuda {

struct Product {
  static constexpr int most = 3;

  Tensor x;
  // The weights can be read before the kernels that run have ended.
  bool weightsSettled;
  // Of which weights, biases (those without have no data) and outputs are used. The weights share one dtype.
  int32_t count;
  // The first weight is a gate of the second: one output, silu(x · gateᵀ) · (x · upᵀ), both rounded to its dtype first. A line is then a row of both.
  bool gated;
  Tensor weight[most];
  Tensor bias[most];
  Tensor y[most];

  constexpr int64_t rows() const { return x.rows(); }
  constexpr int64_t depth() const { return x.columns(); }
  constexpr int64_t lines() const {
    int64_t sum = weight[0].rows();
    for (int i = 1; i < count && !gated; i++) sum += weight[i].rows();
    return sum;
  }
};

// Every row begins at a multiple of 16 bytes.
inline bool rowsAligned(const Tensor& tensor) {
  return reinterpret_cast<uintptr_t>(tensor.data) % 16 == 0 && (tensor.rows() <= 1 || bytesOf(tensor.dtype, tensor.rowStride) % 16 == 0);
}

// Chooses the kernel by sizes, dtypes and alignment, and launches it.
bool multiply(const Call& call, const Product& product);

// Up to 64 rows of 16-bit numbers; see stream.cu. Whether it can is asked first.
bool streams(const Call& call, const Product& product);
bool multiplyStreaming(const Call& call, const Product& product);

// Up to 8 rows of 16-bit numbers past weights of the same dtype, q8_0 or q4_0; see bulk-stream.cu.
bool streamsInBulk(const Call& call, const Product& product);
bool multiplyStreamingInBulk(const Call& call, const Product& product);

// Any number of rows of 16-bit numbers; see tiles.cu.
bool tiled(const Call& call, const Product& product);
bool multiplyTiled(const Call& call, const Product& product);

// Everything; see lanes.cu. A row's result does not depend on how many there are.
bool multiplyInLanes(const Call& call, const Product& product);

// Any number of rows of anything, by weights in blocks; see block-product.cu.
bool multiplyBlocks(const Call& call, const Product& product);

// Where a line of a product that is not gated lies.
struct Line {
  int matrix;
  int64_t row;
};

__device__ inline Line lineAt(const Product& product, int64_t line) {
  const int64_t first = product.weight[0].dims[0], second = product.weight[1].dims[0];
  if (product.count == 1 || line < first) return {0, line};
  if (product.count == 2 || line < first + second) return {1, line - first};
  return {2, line - first - second};
}

// Where the weight's row lies that makes a line; of a gated product's line `half` 0 is the gate's and 1 the other.
__device__ inline Line weightAt(const Product& product, int64_t line, int half) {
  return product.gated ? Line{half, line} : lineAt(product, line);
}

__device__ inline const void* weightRow(const Product& product, int64_t line, int half) {
  const Line at = weightAt(product, line, half);
  const Tensor& weight = product.weight[at.matrix];
  return weight.row<const unsigned char>(0) + bytesOf(weight.dtype, at.row * weight.rowStride);
}

// The same where the type is known.
template <typename W>
__device__ inline const W* weightRowOf(const Product& product, int64_t line, int half) {
  const Line at = weightAt(product, line, half);
  return product.weight[at.matrix].row<const W>(at.row);
}

__device__ inline float withBias(const Tensor& bias, int64_t place, float sum) {
  if (!bias.present()) return sum;
  switch (bias.dtype) {
    case DType::f16:
      return sum + toFloat(*bias.row<const F16>(place));
    case DType::bf16:
      return sum + toFloat(*bias.row<const BF16>(place));
    default:
      return sum + *bias.row<const float>(place);
  }
}

__device__ inline void storeRounded(const Tensor& y, int64_t row, int64_t column, float value) {
  switch (y.dtype) {
    case DType::f16:
      y.row<F16>(row)[column] = fromFloat<F16>(value);
      break;
    case DType::bf16:
      y.row<BF16>(row)[column] = fromFloat<BF16>(value);
      break;
    default:
      y.row<float>(row)[column] = value;
  }
}

__device__ inline float roundedTo(DType dtype, float value) {
  switch (dtype) {
    case DType::f16:
      return toFloat(fromFloat<F16>(value));
    case DType::bf16:
      return toFloat(fromFloat<BF16>(value));
    default:
      return value;
  }
}

// What becomes of the sum of a line of a product that is not gated.
__device__ inline void finishLine(const Product& product, int64_t row, int64_t line, float sum) {
  const Line at = lineAt(product, line);
  storeRounded(product.y[at.matrix], row, at.row, withBias(product.bias[at.matrix], at.row, sum));
}

__device__ inline void finishGated(const Product& product, int64_t row, int64_t line, float gate, float up) {
  const Tensor& y = product.y[0];
  gate = roundedTo(y.dtype, withBias(product.bias[0], line, gate));
  up = roundedTo(y.dtype, withBias(product.bias[1], line, up));
  storeRounded(y, row, line, SiluMul::apply(gate, up));
}

// What becomes of two sums of a pass of 16 rows of weights: those of `line` and, if it is below `end`, of `line + 8`; or those of a gated line's two halves.
__device__ inline void finishPair(const Product& product, int64_t row, int64_t line, int64_t end, float low, float high) {
  if (product.gated) {
    finishGated(product, row, line, low, high);
    return;
  }
  finishLine(product, row, line, low);
  if (line + 8 < end) finishLine(product, row, line + 8, high);
}

}  // namespace whittle::cuda
