#include "table/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"

namespace dicomhouse::table {
namespace {

using ::testing::HasSubstr;

Field Named(const std::string& name, std::vector<Field> fields = {}) {
  Field field;
  field.name = name;
  field.type = fields.empty() ? Type::kString : Type::kRecord;
  field.fields = std::move(fields);
  return field;
}

TEST(CheckNames, RefusesNamesThatDifferInCaseOnlyAtOneLevel) {
  EXPECT_TRUE(CheckNames({{Named("a"), Named("b", {Named("a"), Named("B")})}}).ok());
  const auto clash = CheckNames({{Named("Above", {Named("Rows"), Named("x"), Named("ROWS")})}});
  ASSERT_FALSE(clash.ok());
  EXPECT_EQ(clash.error().code, base::ErrorCode::kFailedPrecondition);
  EXPECT_THAT(clash.error().message, HasSubstr("'Above.Rows' and 'Above.ROWS'"));
  EXPECT_FALSE(CheckNames({{Named("a"), Named("a")}}).ok());
}

TEST(CheckNames, RefusesNamesThatAreEmptyOrTooLong) {
  EXPECT_TRUE(CheckNames({{Named(std::string(base::kMaxColumnNameBytes, 'x'))}}).ok());
  const auto long_name = CheckNames({{Named("Above", {Named(std::string(base::kMaxColumnNameBytes + 1, 'x'))})}});
  ASSERT_FALSE(long_name.ok());
  EXPECT_EQ(long_name.error().code, base::ErrorCode::kLimit);
  EXPECT_THAT(long_name.error().message, HasSubstr("'Above.xxx"));
  EXPECT_FALSE(CheckNames({{Named("")}}).ok());
}

}  // namespace
}  // namespace dicomhouse::table
