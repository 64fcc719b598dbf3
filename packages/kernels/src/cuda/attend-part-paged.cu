#include "attend.cuh"

namespace whittle::cuda {

// Rows a table from which on most of them are taken for a prompt's.
constexpr int64_t rowsOfARun = 16;

static bool attendPartPaged(const Call& call) {
  const Tensor &q = call[0], &keys = call[1], &values = call[2], &tables = call[3], &rows = call[4], &ancestors = call[5];
  const PagedKeys source{keys, values, tables, rows, ancestors, static_cast<int32_t>(call.integer(2)), call.faults,
                         call.areSettled(3, 3)};
  return attend(call, source, attendShape(call, q, values, 3), q, call[6], call[7], q.rows() >= rowsOfARun * tables.rows());
}

WHITTLE_CUDA_KERNEL("attendPart.paged", attendPartPaged);

}  // namespace whittle::cuda
