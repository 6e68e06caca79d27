// Where the sources are, for tests that read files beside them. Not __FILE__: compiler caches make that relative.
#pragma once

#include <filesystem>

namespace dicomhouse::test_support {

// The project's top folder.
std::filesystem::path SourceTree();
// Test data and facts that are too large for the source tree; often absent.
std::filesystem::path SharedFolder();

}  // namespace dicomhouse::test_support
