#include "cli/progress_line.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "base/text.h"
#include "cli/terminal.h"

namespace dicomhouse::cli {
namespace {

constexpr auto kTerminalPeriod = std::chrono::milliseconds(200);
constexpr auto kPlainPeriod = std::chrono::seconds(10);
constexpr size_t kBarWidth = 24;
constexpr size_t kLeastBar = 6;

std::string Format(const char* format, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

}  // namespace

std::string FittedToWidth(const std::string& text, size_t width, double done) {
  // A line as long as the terminal is wide goes on in the next one, which the next line then does not draw over.
  const size_t room = width - std::min<size_t>(width, 1);
  if (text.size() + kLeastBar + 3 > room) return text.substr(0, room);
  const size_t bar = std::min(kBarWidth, room - text.size() - 3);
  const size_t filled = std::min(bar, static_cast<size_t>(done * static_cast<double>(bar)));
  return "[" + std::string(filled, '#') + std::string(bar - filled, '.') + "] " + text;
}

std::string Grouped(uint64_t number) {
  std::string text = std::to_string(number);
  for (int64_t i = static_cast<int64_t>(text.size()) - 3; i > 0; i -= 3) text.insert(static_cast<size_t>(i), ",");
  return text;
}

std::string Counted(uint64_t number, std::string_view noun) { return Grouped(number) + " " + base::Plural(number, noun); }

std::string Bytes(uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes < 1000) return std::to_string(bytes) + " B";
  if (value < 1e6) return Format("%.1f kB", value / 1e3);
  if (value < 1e9) return Format("%.1f MB", value / 1e6);
  return Format("%.2f GB", value / 1e9);
}

std::string Duration(double seconds) {
  if (seconds < 10) return Format("%.1f s", seconds);
  const auto whole = static_cast<uint64_t>(std::llround(seconds));
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole / 60 % 60) + " min";
}

ProgressLine::ProgressLine(const transfer::Progress& progress, const transfer::Source& source, bool quiet)
    : progress_(progress), source_(source), quiet_(quiet) {
  if (!quiet_) thread_ = std::thread([this] { Run(); });
}

void ProgressLine::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(mutex_);
  Erase();
}

void ProgressLine::Run() {
  std::unique_lock lock(mutex_);
  const std::chrono::milliseconds period = ErrorWidth() > 0 ? kTerminalPeriod : kPlainPeriod;
  while (!wake_.wait_for(lock, period, [this] { return stopping_; })) {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    const size_t width = ErrorWidth();  // each time: people make windows larger
    Erase();
    std::fprintf(stderr, width > 0 ? "%s" : "%s\n", Text(seconds, width).c_str());
    std::fflush(stderr);
    shown_ = width > 0;
  }
}

std::string ProgressLine::Text(double seconds, size_t width) const {
  if (progress_.committing) return "writing the table ...";
  const uint64_t files = progress_.files;
  const uint64_t found = source_.files_found();
  const auto rate = static_cast<uint64_t>(static_cast<double>(progress_.instances) / std::max(seconds, 0.001));
  std::string text =
      Grouped(files) + " of " + Grouped(found) + (source_.listing_done() ? "" : "+") + " " + base::Plural(found, "file");
  if (source_.listing_done() && files > 0 && found > files) {
    text += ", " + Duration(seconds * static_cast<double>(found - files) / static_cast<double>(files)) + " left";
  }
  if (progress_.failures > 0) text += ", " + Grouped(progress_.failures) + " failed";
  text += ", " + Grouped(rate) + " instances/s, " + Bytes(progress_.bytes) + " read";
  if (width == 0) return text;
  return FittedToWidth(text, width, found == 0 ? 0 : static_cast<double>(files) / static_cast<double>(found));
}

void ProgressLine::Erase() {
  if (shown_) std::fputs("\r\033[K", stderr);
  shown_ = false;
}

void ProgressLine::Say(const std::string& line) {
  const std::lock_guard lock(mutex_);
  Erase();
  std::fprintf(stderr, "%s\n", line.c_str());
}

}  // namespace dicomhouse::cli
