// The tensor cores' products and the loads that feed them. PTX ISA: "Matrix Fragments for mma.m16n8k16", "ldmatrix", "movmatrix".
#include <cstring>

#include "intrinsics.h"
#include "warp.h"

namespace whittle::cuda::emulator {

namespace {

constexpr int rows = 16;
constexpr int columns = 8;
constexpr int depth = 16;

// What a lane brings to a product.
struct Fragments {
  float* d;
  const uint32_t* a;
  const uint32_t* b;
};

// Calls element(row, k, value) for the two 16-bit halves of a register that hold (row, k) and (row, k + 1).
template <float (*decode)(uint16_t), typename Element>
void unpack(uint32_t pair, Element&& element) {
  element(0, decode(static_cast<uint16_t>(pair)));
  element(1, decode(static_cast<uint16_t>(pair >> 16)));
}

template <float (*decode)(uint16_t)>
void product(Slots& slots) {
  float a[depth][rows];
  float b[depth][columns];
  float d[rows][columns];
  for (int lane = 0; lane < warpThreads; lane++) {
    const auto& own = *reinterpret_cast<const Fragments*>(slots[lane]);
    const int group = lane / 4;
    const int first = lane % 4 * 2;
    for (int i = 0; i < 4; i++) {
      unpack<decode>(own.a[i], [&](int half, float value) { a[first + i / 2 * 8 + half][group + i % 2 * 8] = value; });
      d[group + i / 2 * 8][first + i % 2] = own.d[i];
    }
    for (int i = 0; i < 2; i++) {
      unpack<decode>(own.b[i], [&](int half, float value) { b[first + i * 8 + half][group] = value; });
    }
  }
  for (int k = 0; k < depth; k++) {
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) d[row][column] += a[k][row] * b[k][column];
    }
  }
  for (int lane = 0; lane < warpThreads; lane++) {
    const auto& own = *reinterpret_cast<const Fragments*>(slots[lane]);
    for (int i = 0; i < 4; i++) own.d[i] = d[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2];
  }
}

// What a lane brings to a load: where a row of matrix lane / 8 lies, and where its own four registers are.
struct RowAndFragment {
  const void* row;
  uint32_t* fragment;
};

template <bool transposed>
void loadFour(Slots& slots) {
  for (int matrix = 0; matrix < 4; matrix++) {
    uint16_t element[8][8];
    for (int row = 0; row < 8; row++) {
      std::memcpy(element[row], reinterpret_cast<const RowAndFragment*>(slots[matrix * 8 + row])->row, sizeof element[row]);
    }
    for (int lane = 0; lane < warpThreads; lane++) {
      const int row = lane / 4;
      const int column = lane % 4 * 2;
      const uint16_t low = transposed ? element[column][row] : element[row][column];
      const uint16_t high = transposed ? element[column + 1][row] : element[row][column + 1];
      reinterpret_cast<const RowAndFragment*>(slots[lane])->fragment[matrix] = static_cast<uint32_t>(high) << 16 | low;
    }
  }
}

// A lane brings where its pair stands, which is replaced.
void transposePairs(Slots& slots) {
  uint16_t element[8][8];
  const auto pairOf = [&](int lane) { return reinterpret_cast<uint32_t*>(slots[lane]); };
  for (int lane = 0; lane < warpThreads; lane++) {
    for (int half = 0; half < 2; half++) element[lane / 4][lane % 4 * 2 + half] = static_cast<uint16_t>(*pairOf(lane) >> 16 * half);
  }
  for (int lane = 0; lane < warpThreads; lane++) {
    const int row = lane / 4;
    const int column = lane % 4 * 2;
    *pairOf(lane) = static_cast<uint32_t>(element[column + 1][row]) << 16 | element[column][row];
  }
}

void requireWholeWarp(const Meeting& meeting) {
  Block& block = Block::current();
  if (block.lanes() != warpThreads) block.fail("%s in a warp of %d threads", meeting.name, block.lanes());
}

}  // namespace

const Meeting multiplyBFloat{"mmaBFloat", product<bfloatToFloat>};
const Meeting multiplyHalf{"mmaHalf", product<halfToFloat>};
const Meeting loadRows{"loadMatrices", loadFour<false>};
const Meeting loadColumns{"loadMatricesTransposed", loadFour<true>};
const Meeting transposeRows{"transposeMatrix", transposePairs};

void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const Meeting& meeting) {
  requireWholeWarp(meeting);
  const Fragments fragments{d, a, b};
  Block::current().meet(meeting, reinterpret_cast<uint64_t>(&fragments));
}

void load(uint32_t (&fragment)[4], const void* row, const Meeting& meeting) {
  requireWholeWarp(meeting);
  requireAligned(row, meeting.name);
  const RowAndFragment own{row, fragment};
  Block::current().meet(meeting, reinterpret_cast<uint64_t>(&own));
}

uint32_t transpose(uint32_t pair) {
  requireWholeWarp(transposeRows);
  Block::current().meet(transposeRows, reinterpret_cast<uint64_t>(&pair));
  return pair;
}

void requireAligned(const void* address, const char* what) {
  if (reinterpret_cast<uintptr_t>(address) % 16 != 0) Block::current().fail("%s is at %p, not a multiple of 16", what, address);
}

}  // namespace whittle::cuda::emulator
