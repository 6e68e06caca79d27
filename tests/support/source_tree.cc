#include "tests/support/source_tree.h"

namespace dicomhouse::test_support {

std::filesystem::path SourceTree() { return DICOMHOUSE_SOURCE_TREE; }
std::filesystem::path SharedFolder() { return SourceTree().parent_path() / "shared"; }

}  // namespace dicomhouse::test_support
