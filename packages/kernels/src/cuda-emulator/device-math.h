// Device functions that the C library does not have. The others (expf, fmaf, tanhf …) are the C library's: more exact than a GPU's.
#pragma once

#include <math.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

template <typename A, typename B>
constexpr std::common_type_t<A, B> min(A a, B b) {
  using T = std::common_type_t<A, B>;
  return std::min<T>(a, b);
}

template <typename A, typename B>
constexpr std::common_type_t<A, B> max(A a, B b) {
  using T = std::common_type_t<A, B>;
  return std::max<T>(a, b);
}

// The fast ones lose what they lose on a GPU: the product in the argument is rounded.
inline float __expf(float x) {
  return exp2f(x * 1.4426950408889634f);
}

inline float __logf(float x) {
  return log2f(x) * 0.6931471805599453f;
}

inline float __log2f(float x) {
  return log2f(x);
}

inline float __sinf(float x) {
  return sinf(x);
}

inline float __cosf(float x) {
  return cosf(x);
}

inline void sincospif(float x, float* sine, float* cosine) {
  *sine = static_cast<float>(std::sin(3.14159265358979323846 * x));
  *cosine = static_cast<float>(std::cos(3.14159265358979323846 * x));
}

inline float __powf(float x, float y) {
  return exp2f(y * log2f(x));
}

inline float __fdividef(float a, float b) {
  return a / b;
}

inline float __fdiv_rn(float a, float b) {
  return a / b;
}

inline float __frcp_rn(float x) {
  return 1.0f / x;
}

inline float __fsqrt_rn(float x) {
  return sqrtf(x);
}

inline float __frsqrt_rn(float x) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(x)));
}

inline float __fadd_rn(float a, float b) {
  return a + b;
}

inline float __fsub_rn(float a, float b) {
  return a - b;
}

inline float __fmul_rn(float a, float b) {
  return a * b;
}

inline float __fmaf_rn(float a, float b, float c) {
  return fmaf(a, b, c);
}

inline float __saturatef(float x) {
  return x > 0 ? fminf(x, 1.0f) : 0.0f;
}

inline float __int2float_rn(int x) {
  return static_cast<float>(x);
}

inline float __uint2float_rn(unsigned x) {
  return static_cast<float>(x);
}

// What is outside the range ends at its edge, NaN becomes 0.
inline int __float2int_rn(float x) {
  if (x != x) return 0;
  return static_cast<int>(std::clamp(std::nearbyint(static_cast<double>(x)), -2147483648.0, 2147483647.0));
}

inline int __float2int_rz(float x) {
  if (x != x) return 0;
  return static_cast<int>(std::clamp(std::trunc(static_cast<double>(x)), -2147483648.0, 2147483647.0));
}

namespace whittle::cuda {

// Here and not outside: some C libraries have a function of that name.
inline float rsqrtf(float x) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(x)));
}

}  // namespace whittle::cuda
