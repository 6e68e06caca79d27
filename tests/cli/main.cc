// The tests, or the program itself when a test has started it so (program_runner.h).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

#include "cli/program.h"
#include "program_runner.h"

int main(int argc, char** argv) {
  if (argc > 0 && std::string_view(argv[0]) == dicomhouse::cli::kProgramName) return dicomhouse::cli::Main(argc, argv);
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
