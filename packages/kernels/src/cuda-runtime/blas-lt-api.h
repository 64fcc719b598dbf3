// The few declarations of cublasLt.h that Whittle calls, by NVIDIA's names and numbers (cuBLAS 12 and 13, documentation of "cublasLt Datatypes and API Reference").
#pragma once

#include <cstddef>
#include <cstdint>

#include "../cuda/platform.cuh"

namespace whittle::cuda::cublas {

using Status = int;
constexpr Status success = 0;

using Handle = void*;
using Description = void*;
using Layout = void*;
using Preference = void*;

// cudaDataType
enum DataType : int { CUDA_R_32F = 0, CUDA_R_16F = 2, CUDA_R_16BF = 14 };
enum ComputeType : int { CUBLAS_COMPUTE_32F = 68 };
enum Operation : int32_t { CUBLAS_OP_N = 0, CUBLAS_OP_T = 1 };
enum DescriptionAttribute : int { CUBLASLT_MATMUL_DESC_TRANSA = 3, CUBLASLT_MATMUL_DESC_TRANSB = 4 };
enum PreferenceAttribute : int {
  CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES = 1,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES = 5,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES = 6,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES = 7,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES = 8,
};

// cublasLtMatmulAlgo_t
struct Algorithm {
  uint64_t data[8];
};

// cublasLtMatmulHeuristicResult_t
struct Heuristic {
  Algorithm algorithm;
  size_t workspaceBytes;
  Status state;
  float waves;
  int reserved[4];
};

using Create = Status (*)(Handle*);
using Destroy = Status (*)(Handle);
using MatmulDescCreate = Status (*)(Description*, ComputeType, DataType scale);
using MatmulDescDestroy = Status (*)(Description);
using MatmulDescSetAttribute = Status (*)(Description, DescriptionAttribute, const void* value, size_t bytes);
using MatrixLayoutCreate = Status (*)(Layout*, DataType, uint64_t rows, uint64_t columns, int64_t leadingDimension);
using MatrixLayoutDestroy = Status (*)(Layout);
using MatmulPreferenceCreate = Status (*)(Preference*);
using MatmulPreferenceDestroy = Status (*)(Preference);
using MatmulPreferenceSetAttribute = Status (*)(Preference, PreferenceAttribute, const void* value, size_t bytes);
using MatmulAlgoGetHeuristic = Status (*)(Handle, Description, Layout a, Layout b, Layout c, Layout d, Preference, int wanted, Heuristic* results, int* found);
using Matmul = Status (*)(Handle, Description, const void* alpha, const void* a, Layout, const void* b, Layout, const void* beta, const void* c, Layout, void* d,
                          Layout, const Algorithm*, void* workspace, size_t workspaceBytes, cudaStream_t);

}  // namespace whittle::cuda::cublas
