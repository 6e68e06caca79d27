#include <gmock/gmock.h>

#include "table_maker.h"
#include "warehouse/warehouse.h"

namespace dicomhouse::warehouse {
namespace {

using testing::HasSubstr;

const TableName kDefaults{"local", "dicom", ""};

TEST(TableName, WhatIsMissingComesFromTheDefaults) {
  const auto text = [](const char* name) {
    const auto parsed = TableName::Parse(name, kDefaults);
    return parsed.ok() ? parsed->Text() : parsed.error().message;
  };
  EXPECT_EQ(text("t"), "local.dicom.t");
  EXPECT_EQ(text("d.t"), "local.d.t");
  EXPECT_EQ(text("p.d.t"), "p.d.t");
  EXPECT_EQ(text("bq://p.d.t"), "p.d.t");
  EXPECT_EQ(text("example.com:p.d.t"), "example.com:p.d.t");
  EXPECT_EQ(text("p:d.t"), "p.d.t") << "as the bq tool writes it";
  EXPECT_EQ(text("été-1 b_ü"), "local.dicom.été-1 b_ü");
}

TEST(TableName, AWrongPartIsNamed) {
  const auto message = [](const std::string& uri) {
    const auto parsed = TableName::FromUri(uri);
    if (parsed.ok()) return std::string("accepted");
    EXPECT_EQ(parsed.error().code, base::ErrorCode::kInvalidArgument);
    return parsed.error().message;
  };
  EXPECT_EQ(message("bq://p.d.t"), "accepted");
  EXPECT_EQ(message("p.d.t"), "table URI 'p.d.t': it must be bq://PROJECT.DATASET.TABLE");
  EXPECT_THAT(message("bq://d.t"), HasSubstr("three names with dots between"));
  EXPECT_EQ(message("bq://p.d."), "the table's name is empty");
  EXPECT_EQ(message("bq://.d.t"), "the project's name is empty");
  EXPECT_EQ(message("bq://p.d-x.t"), "dataset 'd-x': only letters, digits and '_' are possible");
  EXPECT_THAT(message("bq://p.d.t/u"), HasSubstr("table 't/u': only letters"));
  EXPECT_THAT(message("bq://../x.d.t"), HasSubstr("project '../x'"));
  EXPECT_THAT(message("bq://a..b.d.t"), HasSubstr("a part between dots is empty"));
  EXPECT_THAT(message("bq://p.d.\xff"), HasSubstr("not valid UTF-8"));
  EXPECT_THAT(message("bq://p.d.a\xe2\x80\xae"
                      "b"),
              HasSubstr("only letters"))
      << "a mark of direction";
  EXPECT_THAT(message("bq://p.d.t "), HasSubstr("a space at its start or end"));
  EXPECT_THAT(message("bq://p.d." + std::string(256, 'x')), HasSubstr("longer than 255 bytes"));
  EXPECT_THAT(message("bq://p.d." + std::string(2000, 'x')), HasSubstr("longer than 2,000 characters"));
}

TEST(TableName, NoNameReachesOutsideTheWarehouse) {
  TemporaryFolder folder;
  const Warehouse warehouse(folder.path());
  for (const TableName& name : {TableName{"..", "d", "t"}, TableName{"p", "..", "t"}, TableName{"p", "d", ".."},
                                TableName{"p", "d", "a/b"}, TableName{"p/q", "d", "t"}, TableName{"", "d", "t"}}) {
    EXPECT_EQ(warehouse.OpenTable(name).error().code, base::ErrorCode::kInvalidArgument);
    EXPECT_EQ(warehouse.Drop(name).error().code, base::ErrorCode::kInvalidArgument);
    EXPECT_EQ(Transaction::Begin(warehouse, name, Disposition::kAppend).error().code, base::ErrorCode::kInvalidArgument);
    EXPECT_FALSE(warehouse.TableExists(name));
  }
}

}  // namespace
}  // namespace dicomhouse::warehouse
