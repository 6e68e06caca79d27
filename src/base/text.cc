#include "base/text.h"

#include <simdjson.h>

#include <cstdint>

namespace dicomhouse::base {
namespace {

constexpr std::string_view kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

void AppendBase64(std::string& out, std::string_view bytes) {
  size_t at = out.size();
  out.resize(at + (bytes.size() + 2) / 3 * 4, '=');
  const auto byte = [&bytes](size_t i) { return uint32_t{static_cast<uint8_t>(bytes[i])}; };
  const auto put = [&](uint32_t word, size_t digits) {
    for (size_t k = 0; k < digits; ++k) out[at++] = kBase64Digits[word >> (18 - 6 * k) & 63];
  };
  size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) put(byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2), 4);
  if (bytes.size() - i == 2) put(byte(i) << 16 | byte(i + 1) << 8, 3);
  if (bytes.size() - i == 1) put(byte(i) << 16, 2);
}

std::string Base64(std::string_view bytes) {
  std::string text;
  AppendBase64(text, bytes);
  return text;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 4) {
    std::string_view digits = text.substr(i, 4);
    if (i + 4 == text.size()) digits = digits.substr(0, digits.find('='));
    if (digits.size() < 2 ||
        text.substr(i + digits.size(), 4 - digits.size()) != std::string_view("==").substr(0, 4 - digits.size())) {
      return std::nullopt;
    }
    uint32_t word = 0;
    for (size_t k = 0; k < 4; ++k) {
      const size_t value = k < digits.size() ? kBase64Digits.find(digits[k]) : 0;
      if (value == std::string_view::npos) return std::nullopt;
      word = word << 6 | static_cast<uint32_t>(value);
    }
    for (size_t k = 0; k + 1 < digits.size(); ++k) bytes += static_cast<char>(word >> (16 - 8 * k) & 0xFF);
  }
  return bytes;
}

std::string EscapedMarkup(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

std::string Plural(uint64_t number, std::string_view noun) { return std::string(noun) + (number == 1 ? "" : "s"); }

std::string ShellWord(std::string_view text) {
  static constexpr std::string_view kPlain = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-+=:,./@%";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) return std::string(text);
  // '!' is special only to shells that people type at.
  if (text.find_first_of("\"$`\\!") == std::string_view::npos) return "\"" + std::string(text) + "\"";
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

bool IsUtf8(std::string_view bytes) { return simdjson::validate_utf8(bytes.data(), bytes.size()); }

Utf8Character FirstCharacter(std::string_view text) {
  static constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};  // of each length: the shortest form counts
  if (text.empty()) return {};
  const auto lead = static_cast<uint8_t>(text.front());
  if (lead < 0x80) return {lead, 1};
  const size_t length = lead < 0xC0 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF8 ? 4 : 0;
  if (length == 0 || text.size() < length) return {};
  char32_t code = lead & (0x7FU >> length);
  for (size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if ((byte & 0xC0) != 0x80) return {};
    code = code << 6 | (byte & 0x3FU);
  }
  if (code < kLeast[length] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return {};
  return {code, length};
}

std::string Utf8Escaped(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  if (IsUtf8(bytes)) return std::string(bytes);
  std::string out;
  while (!bytes.empty()) {
    const size_t length = FirstCharacter(bytes).length;
    if (length == 0) {
      const auto byte = static_cast<uint8_t>(bytes.front());
      out.append("\\x").append({kDigits[byte >> 4], kDigits[byte & 15]});
    } else {
      out.append(bytes.substr(0, length));
    }
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

void AppendUtf8(std::string& out, char32_t code) {
  const auto add = [&out](char32_t byte) { out += static_cast<char>(static_cast<uint8_t>(byte)); };
  const auto add_tail = [&](int shift) { add(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x80) return add(code);
  if (code < 0x800) {
    add(0xC0 | code >> 6);
  } else if (code < 0x10000) {
    add(0xE0 | code >> 12);
    add_tail(6);
  } else {
    add(0xF0 | code >> 18);
    add_tail(12);
    add_tail(6);
  }
  add_tail(0);
}

std::string_view Utf8Prefix(std::string_view utf8, size_t max_bytes) {
  if (utf8.size() <= max_bytes) return utf8;
  size_t end = max_bytes;
  while (end > 0 && (static_cast<uint8_t>(utf8[end]) & 0xC0) == 0x80) --end;
  return utf8.substr(0, end);
}

// One place to come back to is enough: a later '*' can do all that an earlier one could.
bool MatchesWildcard(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;  // the last '*', and where its match ends so far
  size_t star_text = 0;
  const auto next = [&text](size_t at) {
    do ++at;
    while (at < text.size() && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80);
    return at;
  };
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      t = next(t);
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace dicomhouse::base
