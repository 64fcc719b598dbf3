#include "sparse-product.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static int64_t bitsOf(const uint8_t* mask, int64_t columns) {
  int64_t bits = 0;
  for (int64_t i = 0; i < columns / 8; i++) bits += __builtin_popcount(mask[i]);
  if (columns % 8 != 0) bits += __builtin_popcount(mask[columns / 8] & ((1u << columns % 8) - 1));
  return bits;
}

template <typename Format>
static bool multiplyMasked(const Call& call) {
  using Stored = typename Format::Stored;
  const Tensor &x = call[0], &values = call[1], &mask = call[2], &offsets = call[3], &scales = call[4], &bias = call[5], &y = call[6];
  const int64_t kept = values.rows(), columns = x.columns(), outs = y.columns();
  const Stored* dense = values.row<const Stored>(0);
  static thread_local Scratch<Stored> copies;
  if (values.rowStride != 1 && kept > 1) {
    Stored* copy = copies.get(kept);
    for (int64_t i = 0; i < kept; i++) copy[i] = *values.row<const Stored>(i);
    dense = copy;
  }
  // Vectors are loaded whole: rows that might end within a vector of the last value are walked in a copy with room behind it (their place
  // is then −1 minus its number). So no mask and no offset leads out of the values.
  static thread_local Scratch<Stored> tails;
  static thread_local Scratch<int64_t> placeScratch;
  const int64_t room = columns + kLanes;
  int64_t* const places = placeScratch.get(outs + 1);
  int64_t shortRows = 0;
  for (int64_t out = 0; out < outs; out++) {
    const int64_t first = *offsets.row<const int32_t>(out);
    places[out] = first;
    if (first >= 0 && first + room <= kept) continue;
    const int64_t bits = bitsOf(mask.row<const uint8_t>(out), columns);
    if (bits > 0 && (first < 0 || first + bits > kept)) {
      return call.fail("the elements of row %lld from %lld on are not among the %lld values", static_cast<long long>(out),
                       static_cast<long long>(first), static_cast<long long>(kept));
    }
    places[out] = -1 - shortRows++;
  }
  Stored* const tail = tails.get(shortRows * room + 1);
  for (int64_t out = 0; out < outs; out++) {
    if (places[out] >= 0) continue;
    const int64_t first = *offsets.row<const int32_t>(out);
    const int64_t count = bitsOf(mask.row<const uint8_t>(out), columns);
    Stored* const copy = tail + (-1 - places[out]) * room;
    if (count > 0) std::memcpy(copy, dense + first, static_cast<size_t>(count) * sizeof(Stored));
    // What a last vector holds beyond them counts for nothing, but decoding f16 looks at it.
    std::memset(copy + count, 0, kLanes * sizeof(Stored));
  }
  const auto rowOf = [&](int64_t out, int64_t ahead) {
    const int64_t place = places[out], later = smaller(out + ahead, outs - 1);
    return RowMask<Format>{place >= 0 ? dense + place : tail + (-1 - place) * room, mask.row<const uint8_t>(out),
                           {scales.row<const uint16_t>(out), 0.0f}, place >= 0 && places[later] >= 0 ? places[later] - place : 0,
                           ahead * mask.rowStride};
  };
  sparseProduct(call, x, rowOf, bias, y);
  return true;
}

static bool linearSparseMask(const Call& call) {
  bool done = false;
  withKeptFormat(call[1].dtype, [&](auto format) { done = multiplyMasked<decltype(format)>(call); });
  return done;
}

WHITTLE_KERNEL("linear.sparseMask", linearSparseMask);

}  // namespace WHITTLE_KERNEL_NAMESPACE
