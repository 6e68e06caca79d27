#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iostream>

namespace dicomhouse::cli {
namespace {

// Characters, not bytes: what a terminal shows, but for those of double width.
size_t WidthOf(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string FormatTime(int64_t unix_ms, const char* format, bool utc) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  if ((utc ? ::gmtime_r(&seconds, &parts) : ::localtime_r(&seconds, &parts)) == nullptr) return "-";
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

// With the reason in errno; 0 when it was an earlier call that failed.
base::Error OutputError() {
  const std::string reason = errno == 0 ? "" : std::string(": ") + std::strerror(errno);
  return {base::ErrorCode::kIo, "can't write to standard output" + reason};
}

}  // namespace

TextTable::TextTable(std::vector<std::string> heads, std::string alignment) : alignment_(std::move(alignment)) {
  Add(std::move(heads));
}

void TextTable::Add(std::vector<std::string> cells) {
  cells.resize(alignment_.size());
  rows_.push_back(std::move(cells));
}

void TextTable::Print() const {
  std::vector<size_t> widths(alignment_.size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], WidthOf(row[i]));
  }
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string blanks(widths[i] - WidthOf(row[i]), ' ');
      line += (i == 0 ? "" : "  ") + (alignment_[i] == 'r' ? blanks + row[i] : row[i] + blanks);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    std::printf("%s\n", line.c_str());
  }
}

std::string LocalTime(int64_t unix_ms) { return unix_ms == 0 ? "-" : FormatTime(unix_ms, "%Y-%m-%d %H:%M:%S", false); }

std::string UtcTime(int64_t unix_ms) { return FormatTime(unix_ms, "%Y-%m-%dT%H:%M:%SZ", true); }

size_t ErrorWidth() {
  const char* kind = std::getenv("TERM");
  if (::isatty(STDERR_FILENO) == 0 || (kind != nullptr && std::string_view(kind) == "dumb")) return 0;
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::optional<bool> Ask(const std::string& question) {
  std::fprintf(stderr, "%s [y/N] ", question.c_str());
  std::fflush(stderr);
  std::string answer;
  const bool answered = static_cast<bool>(std::getline(std::cin, answer));
  if (!answered || ::isatty(STDIN_FILENO) == 0) std::fprintf(stderr, "\n");  // nobody has pressed Enter
  if (!answered) return std::nullopt;
  if (answer.ends_with('\r')) answer.pop_back();
  return answer == "y" || answer == "Y" || answer == "yes";
}

std::string Printable(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F) {
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

base::Status PrintBytes(std::string_view bytes) {
  return std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() ? base::Status() : OutputError();
}

base::Status FlushOutput() {
  errno = 0;
  bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  // Network file systems say only when a descriptor is closed that a quota is used up.
  const int copy = written ? ::dup(STDOUT_FILENO) : -1;
  if (copy >= 0) written = ::close(copy) == 0;
  return written ? base::Status() : OutputError();
}

void PrintJson(const base::Json& json) { std::printf("%s\n", json.Print().c_str()); }

}  // namespace dicomhouse::cli
