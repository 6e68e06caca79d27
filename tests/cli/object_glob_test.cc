// Some of these patterns are asked of gcloud and gsutil too: tests/wire/storage_check.py.
#include "cli/object_glob.h"

#include <gtest/gtest.h>

#include <string>

namespace dicomhouse::cli {
namespace {

// Those of `names`, separated by blanks, that match.
std::string Matching(const std::string& pattern, const std::string& names) {
  const ObjectGlob glob(pattern);
  std::string matching;
  for (size_t begin = 0; begin < names.size();) {
    const size_t end = std::min(names.find(' ', begin), names.size());
    const std::string name = names.substr(begin, end - begin);
    if (glob.Matches(name)) {
      matching += (matching.empty() ? "" : " ") + name;
      EXPECT_TRUE(name.starts_with(glob.prefix())) << pattern;
    }
    begin = end + 1;
  }
  return matching;
}

TEST(ObjectGlob, StarsAndQuestionMarks) {
  const std::string names = "a b.dcm ab d/a d/b.dcm d/e/b.dcm \xC3\xA9";
  EXPECT_EQ(Matching("*", names), "a b.dcm ab \xC3\xA9");
  EXPECT_EQ(Matching("?", names), "a \xC3\xA9");
  EXPECT_EQ(Matching("a?", names), "ab");
  EXPECT_EQ(Matching("d/*", names), "d/a d/b.dcm");
  EXPECT_EQ(Matching("d?a", names), "");
  EXPECT_EQ(Matching("*/*.dcm", names), "d/b.dcm");
  EXPECT_EQ(Matching("**", names), names);
  EXPECT_EQ(Matching("**.dcm", names), "b.dcm d/b.dcm d/e/b.dcm");
  EXPECT_EQ(Matching("**/b.dcm", names), "b.dcm d/b.dcm d/e/b.dcm");
  EXPECT_EQ(Matching("d/**/b.dcm", names), "d/b.dcm d/e/b.dcm");
  EXPECT_EQ(Matching("d/**/b*", names), "d/b.dcm d/e/b.dcm");
  EXPECT_EQ(Matching("d**b.dcm", names), "d/b.dcm d/e/b.dcm");
  EXPECT_EQ(Matching("***", names), "a b.dcm ab \xC3\xA9") << "three are one";
  EXPECT_EQ(Matching("a", names), "a");
}

TEST(ObjectGlob, SetsAreOneCharacter) {
  const std::string names = "s1 s2 s3 sx s] s- s! s/ s1/a s2/a s\xC3\xA9";
  EXPECT_EQ(Matching("s[12]", names), "s1 s2");
  EXPECT_EQ(Matching("s[1-3]", names), "s1 s2 s3");
  EXPECT_EQ(Matching("s[!1-3]", names), "sx s] s- s! s\xC3\xA9");
  EXPECT_EQ(Matching("s[]x]", names), "sx s]");
  EXPECT_EQ(Matching("s[!]x]", names), "s1 s2 s3 s- s! s\xC3\xA9");
  EXPECT_EQ(Matching("s[x-]", names), "sx s-");
  EXPECT_EQ(Matching("s[3-1]", names), "");
  EXPECT_EQ(Matching("s[\xC3\xA8-\xC3\xAA]", names), "s\xC3\xA9");
  EXPECT_EQ(Matching("s[12]/*", names), "s1/a s2/a");
  EXPECT_EQ(Matching("s[1!]", names), "s1 s!");
  EXPECT_EQ(Matching("*[!0-9]", names), "sx s] s- s! s\xC3\xA9");
}

TEST(ObjectGlob, ABracketMayBeItself) {
  EXPECT_EQ(Matching("a[1].dcm", "a[1].dcm a1.dcm"), "a1.dcm");
  EXPECT_EQ(Matching("a[[]1].dcm", "a[1].dcm a1.dcm"), "a[1].dcm");
  EXPECT_EQ(Matching("a[1", "a[1 a1"), "a[1");
  EXPECT_EQ(Matching("a]", "a] a"), "a]");
  EXPECT_EQ(Matching("a[", "a[ a"), "a[");
  EXPECT_EQ(Matching("a[!", "a[! a"), "a[!");
  EXPECT_EQ(Matching("[a/b]", "a b [a/b]"), "[a/b]") << "a set is not longer than a folder's name";
}

TEST(ObjectGlob, ManyStarsAreNoTrap) {
  std::string pattern;
  for (int i = 0; i < 250; ++i) pattern += "*a**";
  EXPECT_FALSE(ObjectGlob(pattern + "b").Matches(std::string(1000, 'a')));
  EXPECT_TRUE(ObjectGlob(pattern).Matches(std::string(1000, 'a')));
}

TEST(ObjectGlob, ThePrefixEndsAtTheFirstMark) {
  EXPECT_EQ(ObjectGlob("a/b*.dcm").prefix(), "a/b");
  EXPECT_EQ(ObjectGlob("a/b[12]").prefix(), "a/b");
  EXPECT_EQ(ObjectGlob("**").prefix(), "");
  EXPECT_FALSE(ObjectGlob::IsWild("a/b.dcm"));
  EXPECT_TRUE(ObjectGlob::IsWild("a[1]"));
}

}  // namespace
}  // namespace dicomhouse::cli
