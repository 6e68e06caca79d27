// The whole program in a process of its own, with what it printed and its exit code; and small DICOM files to give it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/program.h"

namespace dicomhouse::cli {

// A folder with a warehouse to be, gone with the object.
class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "dicomhouse-cli-XXXXXX").string();
    folder_ = std::filesystem::canonical(::mkdtemp(name.data())).string();
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string Write(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }
  // Names of what is in a folder, hidden ones too, sorted.
  std::vector<std::string> Names(const std::string& name) const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path(name))) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  std::string folder_;
};

inline std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

// What the test program is called when it is to be dicomhouse: main.cc.
inline constexpr const char* kProgramName = "dicomhouse";

// What a new process does with its descriptors before it is the program (posix_spawn(3)).
class FileActions {
 public:
  FileActions() { ::posix_spawn_file_actions_init(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }

  void Read(int to, const char* path) { ::posix_spawn_file_actions_addopen(&actions_, to, path, O_RDONLY, 0); }
  void Write(int to, const std::string& path) {
    ::posix_spawn_file_actions_addopen(&actions_, to, path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  }
  void Copy(int from, int to) { ::posix_spawn_file_actions_adddup2(&actions_, from, to); }
  void Close(int descriptor) { ::posix_spawn_file_actions_addclose(&actions_, descriptor); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// Starts the program with the scratch folder's warehouse. Anew, not by fork alone: a server of the test may have threads.
inline pid_t StartProgram(const Scratch& scratch, std::vector<std::string> words, const FileActions& actions) {
  words.insert(words.begin(), kProgramName);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::string warehouse = "DICOMHOUSE_WAREHOUSE=";
  std::vector<char*> variables;
  for (char** variable = ::environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    // The tests' own is none of the program's.
    if (!text.starts_with(warehouse) && !text.starts_with("DICOMHOUSE_TEST_RUNS=")) variables.push_back(*variable);
  }
  warehouse += scratch.path("warehouse");
  variables.push_back(warehouse.data());
  variables.push_back(nullptr);
  pid_t process = -1;
  const int error = ::posix_spawn(&process, "/proc/self/exe", actions.get(), nullptr, arguments.data(), variables.data());
  EXPECT_EQ(error, 0);
  return process;
}

// A run that has been started.
class Running {
 public:
  // `input`: a descriptor to read from, or -1. `output`: where standard output goes, instead of into Outcome::out.
  Running(const Scratch& scratch, std::vector<std::string> words, int input, const std::string& output = "") {
    const std::string base = scratch.path(".run" + std::to_string(++Count()));
    out_ = base + ".out";
    err_ = base + ".err";
    FileActions actions;
    if (input >= 0) {
      actions.Copy(input, 0);
    } else {
      actions.Read(0, "/dev/null");
    }
    actions.Write(1, output.empty() ? out_ : output);
    actions.Write(2, err_);
    process_ = StartProgram(scratch, std::move(words), actions);
  }

  pid_t process() const { return process_; }
  Outcome Wait() const {
    int status = 0;
    ::waitpid(process_, &status, 0);
    Outcome outcome{WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), ReadFile(out_), ReadFile(err_)};
    std::filesystem::remove(out_);
    std::filesystem::remove(err_);
    return outcome;
  }

 private:
  static int& Count() {
    static int count = 0;
    return count;
  }

  std::string out_;
  std::string err_;
  pid_t process_ = -1;
};

inline Outcome Dicomhouse(const Scratch& scratch, std::vector<std::string> words) {
  return Running(scratch, std::move(words), -1).Wait();
}

// `input` is what standard input has, as from a pipe.
inline Outcome DicomhouseWith(const std::string& input, const Scratch& scratch, std::vector<std::string> words) {
  const int file = ::open(scratch.Write(".input", input).c_str(), O_RDONLY | O_CLOEXEC);
  const Outcome outcome = Running(scratch, std::move(words), file).Wait();
  ::close(file);
  return outcome;
}

inline Outcome DicomhouseInto(const std::string& output, const Scratch& scratch, std::vector<std::string> words) {
  return Running(scratch, std::move(words), -1, output).Wait();
}

// ---- DICOM, explicit VR little endian

inline std::string LittleEndian(uint32_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * i & 0xFF);
  return out;
}

// Pads text to an even length.
inline std::string Element(uint32_t tag, const std::string& vr, std::string value) {
  if (value.size() % 2 != 0) value += vr == "UI" || vr == "OB" ? '\0' : ' ';
  const auto length = static_cast<uint32_t>(value.size());
  const bool is_long = vr == "SQ" || vr == "OB" || vr == "OW" || vr == "UN" || vr == "UT";
  return LittleEndian(tag >> 16, 2) + LittleEndian(tag & 0xFFFF, 2) + vr +
         (is_long ? std::string(2, '\0') + LittleEndian(length, 4) : LittleEndian(length, 2)) + value;
}

inline std::string Item(const std::string& elements) {
  return LittleEndian(0xFFFE, 2) + LittleEndian(0xE000, 2) + LittleEndian(static_cast<uint32_t>(elements.size()), 4) + elements;
}

inline std::string Part10(const std::string& data_set) {
  return std::string(128, '\0') + "DICM" + Element(0x00020010, "UI", "1.2.840.10008.1.2.1") + data_set;
}

// An instance with a sequence, a private block, pixels, and `more` elements of group 0010 behind PatientName.
inline std::string Instance(const std::string& uid, const std::string& modality = "CT", const std::string& more = "") {
  return Part10(Element(0x00080018, "UI", uid) + Element(0x00080060, "CS", modality) + Element(0x00090010, "LO", "ACME") +
                Element(0x00091001, "LO", "secret") + Element(0x00100010, "PN", "Doe^Jane") + more +
                Element(0x0020000D, "UI", "1.2") + Element(0x0020000E, "UI", "1.2.3") +
                Element(0x00400275, "SQ", Item(Element(0x00400009, "SH", "STEP1"))) +
                Element(0x7FE00010, "OW", std::string(64, 'x')));
}

}  // namespace dicomhouse::cli
