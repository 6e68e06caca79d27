#include "media_directory.h"

#include "sop_classes.h"
#include "tags.h"

namespace make_dicom {
namespace {

enum Level { kPatient, kStudy, kSeries, kImage, kLevels };

struct Record {
  Level level;
  int next = -1;   // of the same level below the same parent
  int lower = -1;  // first of the level below
  DataSet data_set;
};

void Copy(const DataSet& from, const Attribute& attribute, DataSet& to) {
  if (const Element* element = from.Find(attribute)) to.Set(attribute, element->value);
}

DataSet MakeRecord(const DirectoryEntry& entry, Level level) {
  static constexpr std::string_view kTypes[] = {"PATIENT", "STUDY", "SERIES", "IMAGE"};
  static const std::vector<Attribute> kKeys[] = {
      {kPatientID, kPatientName},
      {kStudyInstanceUID, kStudyID, kStudyDate, kStudyTime, kAccessionNumber, kStudyDescription},
      {kSeriesInstanceUID, kSeriesNumber, kModality},
      {kInstanceNumber},
  };
  DataSet record;
  record.Set(kOffsetOfTheNextDirectoryRecord, 0.0).Set(kRecordInUseFlag, 65535.0).Set(kDirectoryRecordType, kTypes[level]);
  record.Set(kOffsetOfReferencedLowerLevelDirectoryEntity, 0.0);
  Copy(entry.instance, kSpecificCharacterSet, record);
  for (const Attribute& key : kKeys[level]) Copy(entry.instance, key, record);
  if (level != kImage) return record;
  std::string file_id;
  for (const std::string& part : entry.file_id) file_id += (file_id.empty() ? "" : "\\") + part;
  record.Set(kReferencedFileID, file_id).Set(kReferencedTransferSyntaxUIDInFile, entry.transfer_syntax);
  record.Set(kReferencedSOPClassUIDInFile, entry.instance.Text(kSOPClassUID));
  record.Set(kReferencedSOPInstanceUIDInFile, entry.instance.Text(kSOPInstanceUID));
  return record;
}

// The records in the order of the file, linked by index.
std::vector<Record> MakeRecords(const std::vector<DirectoryEntry>& entries) {
  static constexpr Attribute kIdentity[] = {kPatientID, kStudyInstanceUID, kSeriesInstanceUID, kSOPInstanceUID};
  std::vector<Record> records;
  int open[kLevels] = {-1, -1, -1, -1};
  const DirectoryEntry* before = nullptr;
  for (const DirectoryEntry& entry : entries) {
    bool fresh = before == nullptr;
    for (int level = kPatient; level < kLevels; ++level) {
      fresh = fresh || entry.instance.Text(kIdentity[level]) != before->instance.Text(kIdentity[level]);
      if (!fresh) continue;
      const int index = static_cast<int>(records.size());
      records.push_back({static_cast<Level>(level), -1, -1, MakeRecord(entry, static_cast<Level>(level))});
      if (open[level] >= 0) records[open[level]].next = index;
      if (level > kPatient && records[open[level - 1]].lower < 0) records[open[level - 1]].lower = index;
      open[level] = index;
      for (int lower = level + 1; lower < kLevels; ++lower) open[lower] = -1;
    }
    before = &entry;
  }
  return records;
}

}  // namespace

std::string MakeDirectory(const std::vector<DirectoryEntry>& entries, const std::string& uid) {
  std::vector<Record> records = MakeRecords(entries);
  DataSet directory;
  directory.Set(kSOPClassUID, sop::kMediaDirectory).Set(kSOPInstanceUID, uid);
  const std::string head = EncodeFile(directory, {});
  directory.Remove(kSOPClassUID);
  directory.Remove(kSOPInstanceUID);
  std::string ignored;
  EncodeDataSet(DataSet().Set(kSOPClassUID, sop::kMediaDirectory).Set(kSOPInstanceUID, uid), {}, ignored);
  std::string file = head.substr(0, head.size() - ignored.size());  // preamble and file meta information

  directory.Set(kFileSetID, "CITYHOSP").Set(kFileSetConsistencyFlag, 0.0);
  directory.Set(kOffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity, 0.0);
  directory.Set(kOffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity, 0.0);
  std::string fixed;
  EncodeDataSet(directory, {}, fixed);
  // All offsets are of fixed size, so that records can be measured before they are known.
  std::vector<double> offsets;
  size_t at = file.size() + fixed.size() + 12;
  double last = 0;
  for (const Record& record : records) {
    offsets.push_back(static_cast<double>(at));
    if (record.level == kPatient) last = static_cast<double>(at);
    std::string bytes;
    EncodeDataSet(record.data_set, {}, bytes);
    at += 8 + bytes.size();
  }
  directory.Set(kOffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity, offsets.empty() ? 0.0 : offsets[0]);
  directory.Set(kOffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity, last);
  directory.EmptySequence(kDirectoryRecordSequence);
  for (Record& record : records) {
    if (record.next >= 0) record.data_set.Set(kOffsetOfTheNextDirectoryRecord, offsets[record.next]);
    if (record.lower >= 0) record.data_set.Set(kOffsetOfReferencedLowerLevelDirectoryEntity, offsets[record.lower]);
    directory.AddItem(kDirectoryRecordSequence) = record.data_set;
  }
  EncodeDataSet(directory, {}, file);
  return file;
}

}  // namespace make_dicom
