// Small things with text that several modules need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dicomhouse::base {

// RFC 4648 §4, with padding.
void AppendBase64(std::string& out, std::string_view bytes);
std::string Base64(std::string_view bytes);
// Nothing for what is not base64 with its padding.
std::optional<std::string> DecodeBase64(std::string_view text);

// `text` as HTML or XML has it, between tags or in an attribute with double quotes. A control character, which XML 1.0 §2.2
// forbids or a reader may take for other white space, becomes a space.
std::string EscapedMarkup(std::string_view text);

// "file" for 1, "files" for other numbers. `noun`: one that takes an s.
std::string Plural(uint64_t number, std::string_view noun);

// `text` as one word of a command line that a POSIX shell reads: as it is where nothing in it means anything to a shell, else in
// double or single quotes. Requires: no NUL byte.
std::string ShellWord(std::string_view text);

// UTF-8 as RFC 3629 has it: nothing overlong, no surrogates, nothing above U+10FFFF, nothing cut.
bool IsUtf8(std::string_view bytes);

// `bytes` as UTF-8 from which a person can tell them: each byte that belongs to no character is \xHH, as a shell writes it.
std::string Utf8Escaped(std::string_view bytes);

struct Utf8Character {
  char32_t code = 0;
  size_t length = 0;  // in bytes; 0: there is none
};
// The character that `text` begins with.
Utf8Character FirstCharacter(std::string_view text);

// Requires: not above U+10FFFF.
void AppendUtf8(std::string& out, char32_t code);

// The longest beginning of `utf8` with at most `max_bytes` bytes that does not cut a character.
std::string_view Utf8Prefix(std::string_view utf8, size_t max_bytes);

// Whether all of `text` matches: '*' any characters, '?' one (of UTF-8). Linear in nearly all cases, never more than the product
// of the lengths.
bool MatchesWildcard(std::string_view pattern, std::string_view text);

}  // namespace dicomhouse::base
