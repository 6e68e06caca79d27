#include <gtest/gtest.h>

#include "store/objects.h"

namespace dicomhouse::store {
namespace {

TEST(ObjectUri, IsTakenApartAndPutTogether) {
  const auto uri = ObjectUri::Parse("gs://my-bucket/folder/x y?#.dcm");
  ASSERT_TRUE(uri.ok());
  EXPECT_EQ(uri->bucket, "my-bucket");
  EXPECT_EQ(uri->object, "folder/x y?#.dcm");
  EXPECT_EQ(uri->Text(), "gs://my-bucket/folder/x y?#.dcm");
  EXPECT_EQ(ObjectUri::Parse("gs://my-bucket")->object, "");
  EXPECT_EQ(ObjectUri::Parse("gs://my-bucket/")->object, "");
  for (const char* text : {"", "gs://", "gs:///x", "s3://bucket/x", "gs://Bucket/x", "gs://a/x", "bucket/x", "gs://b\xFF/x",
                           "gs://bucket/a\nb", "gs://../x"}) {
    const auto wrong = ObjectUri::Parse(text);
    ASSERT_FALSE(wrong.ok()) << text;
    EXPECT_EQ(wrong.error().code, base::ErrorCode::kInvalidArgument);
  }
}

bool Matches(const char* pattern, const char* name) {
  const auto made = ObjectPattern::Make(pattern);
  EXPECT_TRUE(made.ok()) << pattern;
  EXPECT_TRUE(!made->Matches(name) || std::string_view(name).starts_with(made->prefix()));
  return made->Matches(name);
}

TEST(ObjectPattern, StarAndQuestionMarkStayInTheirFolder) {
  EXPECT_TRUE(Matches("a/x.dcm", "a/x.dcm"));
  EXPECT_FALSE(Matches("a/x.dcm", "a/x.dcm2"));
  EXPECT_TRUE(Matches("a/*.dcm", "a/x.dcm"));
  EXPECT_TRUE(Matches("a/*", "a/"));
  EXPECT_FALSE(Matches("a/*.dcm", "a/b/x.dcm"));
  EXPECT_TRUE(Matches("*/x.dcm", "a/x.dcm"));
  EXPECT_TRUE(Matches("*a*b", "aab"));
  EXPECT_TRUE(Matches("*ab*ab", "xabyabab"));
  EXPECT_FALSE(Matches("*a*b", "a/b"));
  EXPECT_TRUE(Matches("a?c", "abc"));
  EXPECT_TRUE(Matches("a?c", "aéc"));
  EXPECT_FALSE(Matches("a?c", "a/c"));
  EXPECT_FALSE(Matches("a?", "a"));
  EXPECT_FALSE(Matches("a/*/c", "a/c"));
}

TEST(ObjectPattern, TwoStarsGoIntoFolders) {
  EXPECT_TRUE(Matches("a/**", "a/b/c/d"));
  EXPECT_TRUE(Matches("a/**", "a/b"));
  EXPECT_TRUE(Matches("**", "a/b"));
  EXPECT_FALSE(Matches("a/**", "b/a/c"));
  EXPECT_TRUE(Matches("a/**.dcm", "a/b/c.dcm"));
  EXPECT_TRUE(Matches("a/**.dcm", "a/c.dcm"));
  EXPECT_FALSE(Matches("a/**.dcm", "a/c.dcm.txt"));
  EXPECT_TRUE(Matches("*/s?**.dcm", "x/s1/y/z.dcm"));
  EXPECT_FALSE(Matches("*/s?**.dcm", "x/s/y.dcm"));
  EXPECT_FALSE(Matches("a/x**.dcm", "a/.dcm"));
}

TEST(ObjectPattern, TwoStarsElsewhereAreRefused) {
  for (const char* pattern : {"a/**/b", "**x", "a***", "**.d*", "**.a/b", "**.dcm**"}) {
    EXPECT_FALSE(ObjectPattern::Make(pattern).ok()) << pattern;
  }
}

// "** ... must be used at the end of a path and with no other wildcards in the path."
TEST(ObjectPattern, OfAnImportHasTwoStarsAlone) {
  for (const char* pattern : {"*/s?**.dcm", "a*/**", "?/**.dcm", "a***"}) {
    EXPECT_FALSE(ObjectPattern::MakeForImport(pattern).ok()) << pattern;
  }
  for (const char* pattern : {"**", "a/x**", "a/**.dcm", "*/a?.dcm", "a/b"}) {
    EXPECT_TRUE(ObjectPattern::MakeForImport(pattern).ok()) << pattern;
  }
}

TEST(ObjectPattern, ManyStarsAreNoTrap) {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "*a";
  EXPECT_FALSE(Matches((pattern + "b").c_str(), std::string(1000, 'a').c_str()));
}

TEST(ObjectPattern, PrefixIsWhatAllMatchesBeginWith) {
  EXPECT_EQ(ObjectPattern::Make("a/b*.dcm")->prefix(), "a/b");
  EXPECT_EQ(ObjectPattern::Make("a/b")->prefix(), "a/b");
  EXPECT_EQ(ObjectPattern::Make("**")->prefix(), "");
}

}  // namespace
}  // namespace dicomhouse::store
