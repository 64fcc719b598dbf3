// Three linear layers over one input, for `linears` and `linears.bf16`. X: see product.h.
#pragma once

#include "product.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// One loop over the outputs of all three: between two loops memory would have nothing to do.
template <typename X>
inline void fewRowsOfThree(const Call& call) {
  const Tensor* const weights = &call[1];
  const Tensor* const results = &call[7];
  static thread_local Scratch<float> scratch[3];
  const float* biases[3];
  for (int32_t i = 0; i < 3; i++) biases[i] = denseFloats(call[4 + i], scratch[i]);
  const int64_t outs = weights[0].rows() + weights[1].rows() + weights[2].rows();
  call.workers.parallelFor(outs, grainOfFewRows(call[0].rows(), call[0].columns()), [&](int64_t from, int64_t to) {
    for (int32_t i = 0; i < 3 && to > 0; i++) {
      const int64_t own = weights[i].rows();
      if (from < own) productOfFewRows<X>(call[0], weights[i], biases[i], from, smaller(to, own), results[i]);
      from = from < own ? 0 : from - own;
      to -= own;
    }
  });
}

template <typename X>
inline void manyRowsOfThree(const Call& call) {
  if constexpr (packsPanels<X>) {
    static thread_local Scratch<float> scratch[3];
    const float* biases[3];
    for (int32_t i = 0; i < 3; i++) biases[i] = denseFloats(call[4 + i], scratch[i]);
    productsOfManyRows<X>(call, call[0], 3, &call[1], biases, &call[7]);
  } else {
    for (int32_t i = 0; i < 3; i++) product<X>(call, call[0], call[1 + i], call[4 + i], call[7 + i]);
  }
}

// x, three weights, their biases, three results.
template <typename X>
inline bool threeProducts(const Call& call) {
  if (call[0].rows() == 0) return true;
  if (call[0].rows() <= kFewRows) {
    fewRowsOfThree<X>(call);
  } else {
    manyRowsOfThree<X>(call);
  }
  return true;
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
