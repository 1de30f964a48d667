// ExecuTorch's wheel has no header of BundledModule: what documents use of it.
#pragma once

#include <executorch/extension/module/module.h>

namespace executorch::extension {

class BundledModule : public Module {
 public:
  static runtime::Result<std::unique_ptr<BundledModule>> from_file(
      const std::string& file_path,
      std::unique_ptr<runtime::MemoryAllocator> memory_allocator = nullptr,
      std::unique_ptr<runtime::MemoryAllocator> temp_allocator = nullptr);

  using Module::execute;

  runtime::Result<std::vector<runtime::EValue>> execute(
      const std::string& method_name, const size_t testset_idx);

  runtime::Error verify_method_outputs(
      const std::string& method_name,
      const size_t testset_idx,
      double rtol = 1e-5,
      double atol = 1e-8);
};

} // namespace executorch::extension
