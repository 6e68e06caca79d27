// What the store reaches: durable commits, pages of searches, opening, reading all headers.
//
//   store_benchmark FOLDER [INSTANCES] [BIG]
//
// FOLDER is made anew. Prints one JSON line a measurement. INSTANCES (20,000): of 12 kB, for each way of writing. BIG: that many
// more of 1 kB, for opening and searching in a large index: each tenth of them is a line, and so is what a page costs at the end
// of the list. At the end the greatest memory of the process.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "store/instances.h"

namespace {

using dicomhouse::store::Incoming;
using dicomhouse::store::Instances;
using Clock = std::chrono::steady_clock;

constexpr int64_t kStore = 1;
constexpr int kInstancesPerSeries = 250;

double SecondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

[[noreturn]] void Stop(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

template <typename T>
T Must(dicomhouse::base::Result<T> result) {
  if (!result.ok()) Stop(result.error().message);
  return *std::move(result);
}

void AppendElement(std::string& out, uint32_t tag, std::string_view vr, std::string_view value) {
  const auto number = [&out](uint32_t n, int bytes) {
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(n >> (8 * i) & 0xFF);
  };
  number(tag >> 16, 2);
  number(tag & 0xFFFF, 2);
  out += vr;
  if (vr == "OW") number(0, 2);
  number(static_cast<uint32_t>(value.size()), vr == "OW" ? 4 : 2);
  out += value;
}

// A CT-like instance of about `bytes` bytes: 40 elements one knows, 160 others, pixels.
std::string MakeInstance(int64_t number, size_t bytes) {
  const auto uid = [](const char* root, int64_t n) {
    char text[40];
    std::snprintf(text, sizeof text, "1.2.826.0.1.%s.%010lld", root, static_cast<long long>(n));
    std::string out = text;
    if (out.size() % 2 != 0) out += '\0';
    return out;
  };
  const int64_t series = number / kInstancesPerSeries;
  std::string out(128, '\0');
  out += "DICM";
  AppendElement(out, 0x00020010, "UI", std::string_view("1.2.840.10008.1.2.1\0", 20));
  AppendElement(out, 0x00080016, "UI", std::string_view("1.2.840.10008.5.1.4.1.1.2\0", 26));
  AppendElement(out, 0x00080018, "UI", uid("3", number));
  AppendElement(out, 0x00080020, "DA", "202401" + std::to_string(10 + series % 20));
  AppendElement(out, 0x00080030, "TM", "101530");
  AppendElement(out, 0x00080050, "SH", "ACC" + std::to_string(10000 + series % 90000));
  AppendElement(out, 0x00080060, "CS", "CT");
  AppendElement(out, 0x00080070, "LO", "A maker ");
  AppendElement(out, 0x00081030, "LO", "HEAD AND NECK ");
  AppendElement(out, 0x0008103E, "LO", "AXIAL ");
  AppendElement(out, 0x00100010, "PN", "DOE^NUMBER" + std::to_string(100000 + series / 2));
  AppendElement(out, 0x00100020, "LO", "PAT" + std::to_string(10000 + series / 2 % 90000));
  AppendElement(out, 0x00100030, "DA", "19700101");
  AppendElement(out, 0x00100040, "CS", "O ");
  for (uint32_t i = 0; bytes > 4000 && i < 160; ++i) AppendElement(out, 0x00189000 + 2 * i, "LO", "a value that many share ");
  AppendElement(out, 0x0020000D, "UI", uid("1", series / 2));
  AppendElement(out, 0x0020000E, "UI", uid("2", series));
  AppendElement(out, 0x00200011, "IS", "1 ");
  AppendElement(out, 0x00200013, "IS", std::to_string(100 + number % kInstancesPerSeries) + " ");
  AppendElement(out, 0x00280010, "US", std::string_view("\x00\x02", 2));
  AppendElement(out, 0x00280011, "US", std::string_view("\x00\x02", 2));
  AppendElement(out, 0x00280100, "US", std::string_view("\x10\x00", 2));
  if (out.size() + 12 < bytes) AppendElement(out, 0x7FE00010, "OW", std::string((bytes - out.size() - 12) / 2 * 2, 'p'));
  return out;
}

void Write(Instances& instances, int64_t first, int64_t count, int per_commit, size_t bytes) {
  std::vector<std::unique_ptr<Incoming>> all;
  for (int64_t i = first; i < first + count; ++i) {
    const std::string instance = MakeInstance(i, bytes);
    auto incoming = Must(instances.Begin(kStore));
    if (!incoming->Append({reinterpret_cast<const uint8_t*>(instance.data()), instance.size()}).ok()) Stop("can't append");
    if (!incoming->Finish().ok()) Stop("can't finish");
    all.push_back(std::move(incoming));
    if (all.size() == static_cast<size_t>(per_commit) || i + 1 == first + count) {
      Must(instances.Commit(all, dicomhouse::store::OnExisting::kRefuse));
      all.clear();
    }
  }
}

void MeasureWriting(Instances& instances, int64_t& next, int writers, int per_commit, int64_t count) {
  const auto start = Clock::now();
  std::vector<std::thread> threads;
  const int64_t each = count / writers;
  for (int i = 0; i < writers; ++i) {
    threads.emplace_back(
        [&instances, first = next + i * each, each, per_commit] { Write(instances, first, each, per_commit, 12000); });
  }
  for (std::thread& thread : threads) thread.join();
  next += count;
  std::printf("{\"what\":\"durable commits\",\"writers\":%d,\"per_commit\":%d,\"instances_per_second\":%.0f}\n", writers,
              per_commit, static_cast<double>(each * writers) / SecondsSince(start));
  std::fflush(stdout);
}

void MeasureSearch(Instances& instances, const char* name, const dicomhouse::store::Search& search) {
  std::vector<double> times;
  size_t found = 0;
  for (int i = 0; i < 51; ++i) {
    const auto start = Clock::now();
    found = Must(instances.Find(kStore, search)).size();
    times.push_back(SecondsSince(start) * 1e3);
  }
  const double first = times.front();  // a jump to a far page is dear once
  std::nth_element(times.begin(), times.begin() + 25, times.end());
  std::printf("{\"what\":\"search\",\"which\":\"%s\",\"found\":%zu,\"first_ms\":%.3f,\"median_ms\":%.3f}\n", name, found, first,
              times[25]);
}

void MeasureSearches(Instances& instances) {
  dicomhouse::store::Search search;
  MeasureSearch(instances, "100 studies", search);
  search.level = dicomhouse::store::Level::kSeries;
  MeasureSearch(instances, "100 series", search);
  search.level = dicomhouse::store::Level::kInstance;
  MeasureSearch(instances, "100 instances", search);
  search.study = "1.2.826.0.1.1.0000000000";
  search.series = "1.2.826.0.1.2.0000000001";
  MeasureSearch(instances, "100 instances of a series", search);
  search.study = search.series = "";
  search.offset = static_cast<uint64_t>(Must(instances.Metrics(kStore)).instances) - 100;
  MeasureSearch(instances, "the last 100 instances", search);
  search = {};
  search.conditions.push_back({{0x00100020}, {"PAT10003"}});
  MeasureSearch(instances, "studies of a patient", search);
  search.conditions[0] = {{0x00100010}, {"doe number100007"}};
  search.fuzzy = true;
  MeasureSearch(instances, "a name, fuzzily", search);
}

void MeasureHeaders(Instances& instances) {
  const auto start = Clock::now();
  auto snapshot = Must(instances.TakeSnapshot(kStore));
  dicomhouse::dicom::InstanceReader reader;
  dicomhouse::dicom::Instance header;
  uint64_t count = 0;
  for (;;) {
    const auto entries = Must(snapshot->Next(256));
    if (entries.empty()) break;
    for (const auto& entry : entries) {
      auto source = Must(snapshot->OpenHeader(entry));
      reader.Read(*source, header);
      ++count;
    }
  }
  std::printf("{\"what\":\"headers read, one thread\",\"instances\":%llu,\"per_second\":%.0f}\n",
              static_cast<unsigned long long>(count), static_cast<double>(count) / SecondsSince(start));
}

// What an instance costs as there are more of them.
void MeasureGrowing(Instances& instances, int64_t first, int64_t count) {
  for (int64_t tenth = 0; tenth < 10; ++tenth) {
    const auto start = Clock::now();
    Write(instances, first + count * tenth / 10, count / 10, 1000, 1000);
    std::printf("{\"what\":\"growing\",\"instances\":%lld,\"per_second\":%.0f}\n",
                static_cast<long long>(Must(instances.Metrics(kStore)).instances),
                static_cast<double>(count / 10) / SecondsSince(start));
    std::fflush(stdout);
  }
}

// Pages of a list, as one takes them who wants all: each begins behind the last of the one before.
void MeasureListing(Instances& instances) {
  const int64_t total = Must(instances.Metrics(kStore)).instances;
  for (const int64_t after : {int64_t{0}, total / 2, total - 1000}) {
    const auto start = Clock::now();
    const size_t found = Must(instances.Changes(kStore, after, 1000)).size();
    std::printf("{\"what\":\"a page of the changes\",\"after\":%lld,\"found\":%zu,\"ms\":%.3f}\n", static_cast<long long>(after),
                found, SecondsSince(start) * 1e3);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) Stop("usage: store_benchmark FOLDER [INSTANCES] [BIG]");
  const std::string folder = argv[1];
  const int64_t count = argc > 2 ? std::atoll(argv[2]) : 20000;
  const int64_t big = argc > 3 ? std::atoll(argv[3]) : 0;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  auto instances = Must(Instances::Open(folder, dicomhouse::base::RealFileSystem()));
  int64_t next = 0;
  MeasureWriting(*instances, next, 1, 1, count / 10);
  MeasureWriting(*instances, next, 4, 1, count / 5);
  MeasureWriting(*instances, next, 1, 100, count);
  MeasureWriting(*instances, next, 4, 100, count);
  MeasureHeaders(*instances);
  if (big > 0) MeasureGrowing(*instances, next, big);
  MeasureSearches(*instances);
  MeasureListing(*instances);
  instances.reset();
  const auto start = Clock::now();
  instances = Must(Instances::Open(folder, dicomhouse::base::RealFileSystem()));
  std::printf("{\"what\":\"open\",\"instances\":%lld,\"seconds\":%.3f}\n",
              static_cast<long long>(Must(instances->Metrics(kStore)).instances), SecondsSince(start));
  rusage used{};
  if (getrusage(RUSAGE_SELF, &used) == 0) std::printf("{\"what\":\"peak memory\",\"mb\":%ld}\n", used.ru_maxrss / 1024);
  return 0;
}
