// Which kernel computes a product of how many rows. Few rows of 16-bit numbers are streamed, many go to cuBLASLt or, where it is not installed, to tiles;
// what is left, f32 above all, is computed in lanes.
#include "../cuda-runtime/blas-lt.h"
#include "elementwise.cuh"
#include "product.cuh"

namespace whittle::cuda {

// y = sums + bias, rounded once.
__global__ void addBiasKernel(Tensor sums, Tensor bias, Tensor y) {
  afterPrevious();
  const int64_t row = blockIdx.x;
  for (int64_t i = threadIdx.x; i < y.columns(); i += blockDim.x) storeRounded(y, row, i, withBias(bias, i, sums.row<const float>(row)[i]));
}

static Tensor dense(void* data, DType dtype, int64_t rows, int64_t columns) {
  return {data, dtype, 2, columns, {rows, columns, 1, 1}};
}

static int64_t aligned(int64_t bytes) {
  return divideUp(bytes, 256) * 256;
}

// By the library, matrix after matrix; `sums` has room for the largest output in f32 where there is a bias. False: not launched, by refusal or failure.
static bool multiplyByLibrary(const Call& call, const Product& product, void* sums, bool& refused) {
  for (int i = 0; i < product.count; i++) {
    const Tensor &weight = product.weight[i], &bias = product.bias[i], &y = product.y[i];
    if (weight.rows() == 0) continue;
    const Tensor target = bias.present() ? dense(sums, DType::f32, product.rows(), weight.rows()) : y;
    if (!call.blasLt->matmul(call.stream, target, product.x, weight)) {
      refused = true;
      return false;
    }
    if (bias.present() && !call.launch(addBiasKernel, dim3(static_cast<unsigned>(y.rows())), dim3(256), 0, target, bias, y)) return false;
  }
  return true;
}

// Many rows of 16-bit numbers.
static bool multiplyMany(const Call& call, const Product& product, void* sums) {
  if (call.blasLt && product.depth() > 0) {
    bool refused = false;
    if (multiplyByLibrary(call, product, sums, refused)) return true;
    if (!refused) return false;
  }
  return tiled(call, product) ? multiplyTiled(call, product) : multiplyInLanes(call, product);
}

// The two products of a gated one, side by side in scratch memory, and then what is made of them.
static bool multiplyGated(const Call& call, const Product& product, unsigned char* memory, void* sums) {
  const Tensor& y = product.y[0];
  const int64_t bytes = aligned(bytesOf(y.dtype, y.rows() * y.columns()));
  Product both = product;
  both.gated = false;
  for (int i = 0; i < 2; i++) both.y[i] = dense(memory + i * bytes, y.dtype, y.rows(), y.columns());
  if (!multiplyMany(call, both, sums)) return false;
  return mapPairs<SiluMul>(call, both.y[0], both.y[1], y);
}

// Whether the library takes less time than streaming (H100, the shapes of a 7B LLaMA): its time hardly depends on the rows up to 128, while from 9 rows on
// each multiprocessor's reading x slows streaming down. A bias would be one more launch.
static bool libraryIsFaster(const Call& call, const Product& product) {
  if (!call.blasLt) return false;
  for (int i = 0; i < product.count; i++) {
    if (product.bias[i].present()) return false;
  }
  return product.rows() > 8;
}

bool multiply(const Call& call, const Product& product) {
  if (product.rows() == 0 || product.lines() == 0) return true;
  if (streamsInBulk(call, product)) return multiplyStreamingInBulk(call, product);
  if (isBlock(product.weight[0].dtype)) return multiplyBlocks(call, product);
  if (streams(call, product) && !libraryIsFaster(call, product)) return multiplyStreaming(call, product);
  const DType dtype = product.x.dtype;
  const bool byLibrary = call.blasLt && dtype != DType::f32 && product.weight[0].dtype == dtype;
  if (!byLibrary && !tiled(call, product)) return multiplyInLanes(call, product);

  int64_t sumBytes = 0;
  for (int i = 0; i < product.count && byLibrary; i++) {
    const int64_t bytes = 4 * product.rows() * product.weight[i].rows();
    if (product.bias[i].present() && bytes > sumBytes) sumBytes = bytes;
  }
  const Tensor& y = product.y[0];
  const int64_t pairBytes = product.gated ? 2 * aligned(bytesOf(dtype, y.rows() * y.columns())) : 0;
  auto* memory = static_cast<unsigned char*>(sumBytes + pairBytes > 0 ? call.scratch.take(static_cast<size_t>(sumBytes + pairBytes)) : nullptr);
  if (!memory && sumBytes + pairBytes > 0) return call.fail("no memory for %lld bytes of intermediate results", static_cast<long long>(sumBytes + pairBytes));
  return product.gated ? multiplyGated(call, product, memory, memory + pairBytes) : multiplyMany(call, product, memory);
}

}  // namespace whittle::cuda
