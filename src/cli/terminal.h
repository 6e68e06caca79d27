// What commands print for people: tables of text, times, questions. For programs there is --json.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace dicomhouse::cli {

// Rows of text under heads, as wide as their longest cell.
//
//   TextTable table({"TABLE", "ROWS"}, "lr");
//   table.Add({"local.dicom.metadata", "1,200"});
//   table.Print();
class TextTable {
 public:
  // `alignment`: a letter for each column, 'l' or 'r'.
  TextTable(std::vector<std::string> heads, std::string alignment);
  void Add(std::vector<std::string> cells);
  // To standard output, without blanks at the ends of lines.
  void Print() const;

 private:
  std::string alignment_;
  std::vector<std::vector<std::string>> rows_;
};

// "2026-07-04 12:30:01" in the machine's time zone; "-" for 0.
std::string LocalTime(int64_t unix_ms);
// "2026-07-04T10:30:01Z".
std::string UtcTime(int64_t unix_ms);

// Columns of the terminal that standard error is: 80 where it does not say, 0 where lines can't be drawn over (a file,
// TERM=dumb).
size_t ErrorWidth();

// Asks on standard error; the answer is a line of standard input, from a pipe too. True for "y" and "yes", nothing where the
// input ends without an answer.
std::optional<bool> Ask(const std::string& question);

// `text` for a terminal: control characters as \n, \t or \xNN; all else as it is.
std::string Printable(std::string_view text);

// Bytes on standard output. Errors: as FlushOutput.
base::Status PrintBytes(std::string_view bytes);
// What was printed has reached the system. Errors: kIo, with the system's reason: a full disk, a closed descriptor.
base::Status FlushOutput();

// One line on standard output.
void PrintJson(const base::Json& json);

}  // namespace dicomhouse::cli
