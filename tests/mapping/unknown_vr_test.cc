// Values of VR UN are in little endian whatever the transfer syntax (PS3.5 §6.2.2, note 2).
#include <gtest/gtest.h>

#include "mapping/row_builder.h"
#include "tests/dicom/dicom_writer.h"
#include "tests/table/unroll.h"

namespace dicomhouse::mapping {
namespace {

using dicom::testing::Bytes;
using dicom::testing::kExplicitBig;
using dicom::testing::Text;

TEST(UnknownVr, IsLittleEndianInBigEndianFiles) {
  const dicom::testing::DataSet data = {Text(0x00080018, "UI", "1.2"), Bytes(0x00090010, "UN", "GEMS_IDEN_01"),
                                        Bytes(0x00091027, "UN", std::string("\x0A\x88\x55\x3A", 4)),
                                        Bytes(0x00280010, "UN", std::string("\x00\x02", 2))};
  const std::string file =
      dicom::testing::Preamble() + dicom::testing::WriteMeta(dicom::testing::SyntaxOf(kExplicitBig)) + Write(data, kExplicitBig);
  dicom::MemorySource source({reinterpret_cast<const uint8_t*>(file.data()), file.size()});
  dicom::InstanceReader reader;
  dicom::Instance instance;
  ASSERT_EQ(reader.Read(source, instance), dicom::ReadOutcome::kInstance);
  RowBuilder builder{Options{}};
  builder.Add(instance, {"file", 0, 0}, true);
  builder.batch().Close();
  const base::Json row = table::Unroll(builder.batch()).at(0);
  EXPECT_EQ(row["Rows"].as_int(), 512);
  EXPECT_NE(row["OtherElements"].Print().find("\"978683914\""), std::string::npos) << row.Print();
}

}  // namespace
}  // namespace dicomhouse::mapping
