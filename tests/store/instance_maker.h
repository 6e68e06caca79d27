// What tests of the store share: a folder that goes with the test, instances, and storing them.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/instances.h"
#include "tests/dicom/dicom_writer.h"

namespace dicomhouse::store::testing {

class Folder {
 public:
  Folder() {
    std::string name = ::testing::TempDir() + "dicomhouse-store-XXXXXX";
    path_ = ::mkdtemp(name.data()) != nullptr ? name : "";
    EXPECT_FALSE(path_.empty());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Facts {
  std::string study = "1.2.3";
  std::string series = "1.2.3.1";
  std::string instance = "1.2.3.1.1";
  std::string patient = "DOE^JANE";
  std::string patient_id = "P1";
  std::string date = "20240131";
  std::string time = "101530";
  std::string modality = "CT";
  std::string number = "1";
  std::string description = "HEAD";
  std::string character_set;
  size_t pixel_bytes = 0;
  dicom::testing::DataSet more;
};

inline std::string MakeInstance(const Facts& facts) {
  using namespace dicom::testing;  // NOLINT(google-build-using-namespace)
  DataSet elements;
  if (!facts.character_set.empty()) elements.push_back(Text(0x00080005, "CS", facts.character_set));
  elements.push_back(Text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"));
  elements.push_back(Text(0x00080018, "UI", facts.instance));
  elements.push_back(Text(0x00080020, "DA", facts.date));
  elements.push_back(Text(0x00080030, "TM", facts.time));
  elements.push_back(Text(0x00080050, "SH", "A" + facts.patient_id));
  elements.push_back(Text(0x00080060, "CS", facts.modality));
  elements.push_back(Text(0x00081030, "LO", facts.description));
  elements.push_back(Text(0x00100010, "PN", facts.patient));
  elements.push_back(Text(0x00100020, "LO", facts.patient_id));
  elements.push_back(Text(0x0020000D, "UI", facts.study));
  elements.push_back(Text(0x0020000E, "UI", facts.series));
  elements.push_back(Text(0x00200011, "IS", "1"));
  elements.push_back(Text(0x00200013, "IS", facts.number));
  elements.push_back(Us(0x00280010, {512}));
  elements.push_back(Us(0x00280011, {256}));
  for (const Element& element : facts.more) elements.push_back(element);
  std::sort(elements.begin(), elements.end(), [](const Element& a, const Element& b) { return a.tag < b.tag; });
  if (facts.pixel_bytes > 0) {
    std::string pixels(facts.pixel_bytes, '\0');
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<char>(i * 31 + i / 251 + facts.instance.back());
    elements.push_back(Bytes(0x7FE00010, "OW", pixels));
  }
  return WriteFile(elements);
}

inline std::span<const uint8_t> AsBytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

inline base::Result<std::unique_ptr<Incoming>> Receive(Instances& instances, int64_t store, const std::string& bytes) {
  DH_ASSIGN(auto incoming, instances.Begin(store));
  // In two pieces, as from a network.
  DH_CHECK(incoming->Append(AsBytes(bytes).first(bytes.size() / 2)));
  DH_CHECK(incoming->Append(AsBytes(bytes).subspan(bytes.size() / 2)));
  DH_CHECK(incoming->Finish());
  return incoming;
}

inline base::Result<Stored> Put(Instances& instances, int64_t store, const std::string& bytes,
                                OnExisting on_existing = OnExisting::kRefuse) {
  std::vector<std::unique_ptr<Incoming>> all;
  DH_ASSIGN(auto incoming, Receive(instances, store, bytes));
  all.push_back(std::move(incoming));
  DH_ASSIGN(const auto outcomes, instances.Commit(all, on_existing));
  return outcomes.at(0);
}

inline base::Result<std::string> ReadSource(dicom::ByteSource& source, size_t piece = 1 << 16) {
  std::string out;
  for (;;) {
    const size_t before = out.size();
    out.resize(before + piece);
    DH_ASSIGN(const size_t got, source.ReadAt(before, {reinterpret_cast<uint8_t*>(out.data()) + before, piece}));
    out.resize(before + got);
    if (got < piece) return out;
  }
}

inline base::Result<std::string> Get(Instances& instances, int64_t store, const InstanceKey& key) {
  DH_ASSIGN(const InstanceInfo info, instances.Find(store, key));
  DH_ASSIGN(auto blob, instances.OpenBlob(info));
  return ReadSource(*blob);
}

}  // namespace dicomhouse::store::testing
