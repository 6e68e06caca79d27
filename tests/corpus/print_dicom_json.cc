// print_dicom_json FILE...: for each file one line, its DICOM JSON with File Meta Information, or null.
// What would be a BulkDataURI is "bulk:PATH".
#include <cstdio>
#include <string>

#include "base/file.h"
#include "dicom/byte_source.h"
#include "dicom/dicom_json.h"
#include "dicom/instance.h"

int main(int argc, char** argv) {
  using namespace dicomhouse;
  dicom::DicomJsonOptions options;
  options.file_meta = true;
  options.bulk_uri = [](const std::string& path) { return "bulk:" + path; };
  dicom::DicomJsonWriter writer(options);
  dicom::InstanceReader reader;
  dicom::Instance instance;
  for (int i = 1; i < argc; ++i) {
    auto bytes = base::RealFileSystem().ReadAll(argv[i], uint64_t{1} << 30);
    std::string line = "null";
    if (bytes.ok()) {
      dicom::MemorySource source({reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size()});
      if (reader.Read(source, instance) == dicom::ReadOutcome::kInstance) {
        line.clear();
        writer.AppendDataSet(instance, line);
      }
    }
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stdout);
  }
  return 0;
}
