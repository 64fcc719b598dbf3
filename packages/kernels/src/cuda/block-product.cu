// Linear layers whose weights are blocks (q8_0, q4_0). Few rows stream the weights as they are stored; many get them widened to the dtype of the activations
// first, which costs less than the product itself.
#include "block-stream.cuh"
#include "block-visit.cuh"

namespace whittle::cuda {

bool multiplyBlocks(const Call& call, const Product& product) {
  if (product.rows() == 0 || product.lines() == 0) return true;
  return withBlockType(product.weight[0].dtype, [&]<typename Block>() {
    if (product.x.dtype != DType::f32 && blocksStream<Block>(product)) {
      return product.x.dtype == DType::bf16 ? streamBlocks<BF16, Block>(call, product) : streamBlocks<F16, Block>(call, product);
    }
    return withFloatType(product.x.dtype, [&]<typename T>() { return visitBlocks<T, Block>(call, product); });
  });
}

}  // namespace whittle::cuda
