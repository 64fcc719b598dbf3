// Linear layers whose weights are blocks. Codes of q8_0 and q4_0 are multiplied as they are and the sum over a block is scaled in f32: widened
// to 16 bits first, as cuBLASLt would need them, the weights would be rounded once more. q4_K and q6_K are visited element by element, in f32: slow, but right.
#include <type_traits>

#include "block-batch.cuh"
#include "block-groups.cuh"
#include "block-row.cuh"
#include "block-stream.cuh"
#include "block-tiles.cuh"
#include "block-visit.cuh"

namespace whittle::cuda {

bool multiplyBlocks(const Call& call, const Product& product) {
  if (product.rows() == 0 || product.lines() == 0) return true;
  return withBlockType(product.weight[0].dtype, [&]<typename Block>() {
    return withFloatType(product.x.dtype, [&]<typename T>() {
      if constexpr (!std::is_same_v<T, float> && Block::elements == blockElements) {
        if (blocksPassRow(call, product)) return multiplyRow<T>(call, product);
        if (blocksStream<Block>(call, product)) return streamBlocks<T, Block>(call, product);
        if (blocksBatch<Block>(call, product)) {
          if (inBlockGroups<Block>(call, product)) return multiplyBlockGroups<T, Block>(call, product);
          return inBlockTiles<Block>(call, product) ? multiplyBlockTiles<T, Block>(call, product) : batchBlocks<T, Block>(call, product);
        }
      }
      return visitBlocks<T, Block>(call, product);
    });
  });
}

}  // namespace whittle::cuda
