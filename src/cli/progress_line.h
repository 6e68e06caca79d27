// The line that shows how an export goes: a bar on a terminal, a plain line every few seconds elsewhere.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "transfer/exporter.h"

namespace dicomhouse::cli {

// Shows `progress` on standard error from its making to Stop, from a thread of its own.
class ProgressLine {
 public:
  ProgressLine(const transfer::Progress& progress, const transfer::Source& source, bool quiet);
  ~ProgressLine() { Stop(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // A message between two lines: the bar goes away for it and comes back.
  void Say(const std::string& line);
  void Stop();

 private:
  void Run();
  // `width`: columns of the terminal, 0 for a plain line.
  std::string Text(double seconds, size_t width) const;
  void Erase();

  const transfer::Progress& progress_;
  const transfer::Source& source_;
  const bool quiet_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  bool shown_ = false;
  std::thread thread_;
};

// `text` behind a bar that shows how much is `done`, 0 to 1, in less than `width` columns; the bar goes first, then the text's
// end. Requires: `text` is ASCII.
std::string FittedToWidth(const std::string& text, size_t width, double done);

// "12,345,678".
std::string Grouped(uint64_t number);
// "1 file", "1,200 files".
std::string Counted(uint64_t number, std::string_view noun);
// "1.2 GB".
std::string Bytes(uint64_t bytes);
// "3 min 20 s".
std::string Duration(double seconds);

}  // namespace dicomhouse::cli
