// Linear layers whose weights are blocks (q8_0, q4_0). Codes are multiplied as they are and the sum over a block is scaled in f32: widened
// to 16 bits first, as cuBLASLt would need them, the weights would be rounded once more.
#include "block-stream.cuh"
#include "block-visit.cuh"

namespace whittle::cuda {

bool multiplyBlocks(const Call& call, const Product& product) {
  if (product.rows() == 0 || product.lines() == 0) return true;
  return withBlockType(product.weight[0].dtype, [&]<typename Block>() {
    if (product.x.dtype != DType::f32 && blocksStream<Block>(call, product)) {
      return product.x.dtype == DType::bf16 ? streamBlocks<BF16, Block>(call, product) : streamBlocks<F16, Block>(call, product);
    }
    return withFloatType(product.x.dtype, [&]<typename T>() { return visitBlocks<T, Block>(call, product); });
  });
}

}  // namespace whittle::cuda
