#include "blas-lt.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include "blas-lt-api.h"

namespace whittle::cuda {

using namespace cublas;

namespace {

// What Hopper's split-K algorithms ask for at most, with room; less is used where memory is short.
constexpr size_t workspaceSizes[] = {size_t{64} << 20, size_t{4} << 20, 0};
// More shapes than a server sees.
constexpr size_t maxPlans = 4096;

DataType dataTypeOf(DType dtype) {
  return dtype == DType::f16 ? CUDA_R_16F : dtype == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F;
}

bool isFloat(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
}

// The largest power of two that divides an address, as far as an algorithm could want one.
uint32_t alignmentOf(const void* address) {
  const auto bits = reinterpret_cast<uintptr_t>(address) | 256;
  return static_cast<uint32_t>(bits & -bits);
}

}  // namespace

struct BlasLt::Library {
  Create create;
  Destroy destroy;
  MatmulDescCreate descCreate;
  MatmulDescDestroy descDestroy;
  MatmulDescSetAttribute descSet;
  MatrixLayoutCreate layoutCreate;
  MatrixLayoutDestroy layoutDestroy;
  MatmulPreferenceCreate preferenceCreate;
  MatmulPreferenceDestroy preferenceDestroy;
  MatmulPreferenceSetAttribute preferenceSet;
  MatmulAlgoGetHeuristic heuristic;
  Matmul matmul;

  bool load(void* object) {
    const auto find = [object]<typename Function>(const char* name, Function& function) {
      function = reinterpret_cast<Function>(dlsym(object, name));
      return function != nullptr;
    };
    return find("cublasLtCreate", create) && find("cublasLtDestroy", destroy) && find("cublasLtMatmulDescCreate", descCreate) &&
           find("cublasLtMatmulDescDestroy", descDestroy) && find("cublasLtMatmulDescSetAttribute", descSet) &&
           find("cublasLtMatrixLayoutCreate", layoutCreate) && find("cublasLtMatrixLayoutDestroy", layoutDestroy) &&
           find("cublasLtMatmulPreferenceCreate", preferenceCreate) && find("cublasLtMatmulPreferenceDestroy", preferenceDestroy) &&
           find("cublasLtMatmulPreferenceSetAttribute", preferenceSet) && find("cublasLtMatmulAlgoGetHeuristic", heuristic) &&
           find("cublasLtMatmul", matmul);
  }
};

// What an algorithm is chosen by.
struct BlasLt::Key {
  int64_t rows, in, out;
  int64_t xStride, weightStride, yStride;
  DType inputs, output;
  uint32_t xAlignment, weightAlignment, yAlignment;

  bool operator==(const Key&) const = default;
};

size_t BlasLt::KeyHash::operator()(const Key& key) const {
  uint64_t hash = 0;
  for (const int64_t part :
       {key.rows, key.in, key.out, key.xStride, key.weightStride, key.yStride, int64_t{static_cast<int>(key.inputs) * 16 + static_cast<int>(key.output)},
        int64_t{key.xAlignment} << 32 | key.weightAlignment << 16 | key.yAlignment}) {
    hash = (hash ^ static_cast<uint64_t>(part)) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
  }
  return hash;
}

struct BlasLt::Plan {
  explicit Plan(const Library& library) : library(library) {}
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  ~Plan() {
    for (Layout layout : {x, weight, y}) {
      if (layout) library.layoutDestroy(layout);
    }
    if (description) library.descDestroy(description);
  }

  const Library& library;
  Description description = nullptr;
  Layout x = nullptr;
  Layout weight = nullptr;
  Layout y = nullptr;
  Heuristic chosen{};
};

std::unique_ptr<BlasLt> BlasLt::open() {
#ifdef WHITTLE_CUDA_EMULATED
  // It would look for a GPU.
  return nullptr;
#else
  void* object = nullptr;
  if (const char* path = std::getenv("WHITTLE_CUBLASLT")) {
    object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  } else {
    for (const char* name : {"libcublasLt.so.13", "libcublasLt.so.12"}) {
      if ((object = dlopen(name, RTLD_NOW | RTLD_LOCAL))) break;
    }
  }
  auto library = std::make_unique<Library>();
  if (!object || !library->load(object)) return nullptr;
  std::unique_ptr<BlasLt> self(new BlasLt(std::move(library)));
  return self->handle_ ? std::move(self) : nullptr;
#endif
}

BlasLt::BlasLt(std::unique_ptr<Library> library) : library_(std::move(library)) {
  if (library_->create(&handle_) != success) {
    handle_ = nullptr;
    return;
  }
  for (const size_t bytes : workspaceSizes) {
    workspaceBytes_ = bytes;
    if (bytes == 0 || cudaMalloc(&workspace_, bytes) == cudaSuccess) break;
    workspace_ = nullptr;
    cudaGetLastError();
  }
}

BlasLt::~BlasLt() {
  plans_.clear();
  if (workspace_) cudaFree(workspace_);
  if (handle_) library_->destroy(handle_);
}

// In the library's column-major terms: yᵀ [out, rows] = weight [in, out]ᵀ · x [in, rows].
bool BlasLt::matmul(cudaStream_t stream, const Tensor& y, const Tensor& x, const Tensor& weight) {
  if (x.dtype != weight.dtype || !isFloat(x.dtype) || (y.dtype != x.dtype && y.dtype != DType::f32)) return false;
  if (y.rows() == 0 || y.columns() == 0 || x.columns() == 0) return false;
  const Key key{x.rows(), x.columns(), weight.rows(),       x.rowStride,              weight.rowStride,   y.rowStride,
                x.dtype,  y.dtype,     alignmentOf(x.data), alignmentOf(weight.data), alignmentOf(y.data)};
  const Plan* plan = planFor(key);
  if (!plan) return false;
  const float one = 1, zero = 0;
  return library_->matmul(handle_, plan->description, &one, weight.data, plan->weight, x.data, plan->x, &zero, y.data, plan->y, y.data, plan->y,
                          &plan->chosen.algorithm, workspace_, workspaceBytes_, stream) == success;
}

const BlasLt::Plan* BlasLt::planFor(const Key& key) {
  if (const auto found = plans_.find(key); found != plans_.end()) return found->second.get();
  if (plans_.size() >= maxPlans) plans_.clear();

  auto plan = std::make_unique<Plan>(*library_);
  const Operation transposed = CUBLAS_OP_T, plain = CUBLAS_OP_N;
  // A single row may have any stride; the library wants one that holds a row.
  const int64_t xStride = std::max(key.xStride, key.in), yStride = std::max(key.yStride, key.out), weightStride = std::max(key.weightStride, key.in);
  const auto rows = static_cast<uint64_t>(key.rows), in = static_cast<uint64_t>(key.in), out = static_cast<uint64_t>(key.out);
  bool good = library_->descCreate(&plan->description, CUBLAS_COMPUTE_32F, CUDA_R_32F) == success &&
              library_->descSet(plan->description, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed) == success &&
              library_->descSet(plan->description, CUBLASLT_MATMUL_DESC_TRANSB, &plain, sizeof plain) == success &&
              library_->layoutCreate(&plan->weight, dataTypeOf(key.inputs), in, out, weightStride) == success &&
              library_->layoutCreate(&plan->x, dataTypeOf(key.inputs), in, rows, xStride) == success &&
              library_->layoutCreate(&plan->y, dataTypeOf(key.output), out, rows, yStride) == success;
  Preference preference = nullptr;
  if (good && library_->preferenceCreate(&preference) == success) {
    const auto want = [&](PreferenceAttribute attribute, const auto& value) {
      return library_->preferenceSet(preference, attribute, &value, sizeof value) == success;
    };
    int found = 0;
    good = want(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t{workspaceBytes_}) &&
           want(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, key.weightAlignment) && want(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, key.xAlignment) &&
           want(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, key.yAlignment) && want(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, key.yAlignment) &&
           library_->heuristic(handle_, plan->description, plan->weight, plan->x, plan->y, plan->y, preference, 1, &plan->chosen, &found) == success &&
           found == 1 && plan->chosen.state == success;
    library_->preferenceDestroy(preference);
  } else {
    good = false;
  }
  if (!good) plan = nullptr;
  return (plans_[key] = std::move(plan)).get();
}

}  // namespace whittle::cuda
