#include "dicom/cursor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/limits.h"
#include "tests/dicom/dicom_writer.h"

namespace dicomhouse::dicom {
namespace {

using testing::AppendHeader;
using testing::AppendTag;
using testing::Bytes;
using testing::DataSet;
using ::testing::ElementsAre;
using testing::Fragments;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kExplicitBig;
using testing::kExplicitLittle;
using testing::kImplicitLittle;
using testing::LittleEndian;
using testing::Sequence;
using testing::Text;
using testing::Us;
using testing::Write;
using testing::WriteElement;

std::string Hex(uint32_t tag) {
  char text[16];
  std::snprintf(text, sizeof text, "%08X", tag);
  return text;
}

struct Walk {
  std::string steps;  // "00100010=Doe 00081140( [ 00081150=1.2 ] )": sequences in parentheses, items in brackets
  std::vector<ProblemCode> problems;
};

// Walks everything there is, into every sequence.
Walk WalkAll(const std::string& bytes, Encoding encoding, uint64_t end = kNoEnd) {
  Window window;
  window.Assign({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  Cursor cursor(window);
  cursor.Start(0, 0, encoding, end);
  Walk walk;
  for (int steps = 0; steps < 100000; ++steps) {
    const Step step = cursor.Next();
    if (!walk.steps.empty()) walk.steps += ' ';
    switch (step) {
      case Step::kEnd:
        if (!walk.steps.empty()) walk.steps.pop_back();
        for (const Problem& problem : cursor.problems()) walk.problems.push_back(problem.code);
        return walk;
      case Step::kItem:
        walk.steps += '[';
        break;
      case Step::kEndItem:
        walk.steps += ']';
        break;
      case Step::kEndSequence:
        walk.steps += ')';
        break;
      case Step::kElement: {
        const ElementHeader element = cursor.element();
        EXPECT_EQ(element.offset, element.start);
        walk.steps += Hex(element.tag);
        if (element.IsSequence()) {
          walk.steps += '(';
          cursor.Enter();
          break;
        }
        const Cursor::Skipped skipped = cursor.Skip();
        EXPECT_LE(skipped.end, window.size());
        if (skipped.truncated) walk.steps += '!';
        if (!element.fragments) walk.steps += "=" + bytes.substr(element.value, skipped.end - element.value);
        break;
      }
    }
  }
  ADD_FAILURE() << "the walk does not end";
  return walk;
}

const DataSet kSmall = {Text(0x00080018, "UI", "1.2.3"), Text(0x00100010, "PN", "Doe"), Text(0x00104000, "LT", "x")};

TEST(Cursor, ReadsHeadersOfAllEncodings) {
  for (const Encoding encoding : {kImplicitLittle, kExplicitLittle, kExplicitBig}) {
    const Walk walk = WalkAll(Write(kSmall, encoding), encoding);
    EXPECT_EQ(walk.steps, std::string("00080018=1.2.3") + '\0' + " 00100010=Doe  00104000=x ");
    EXPECT_THAT(walk.problems, IsEmpty());
  }
}

TEST(Cursor, AnEmptyDataSetEndsAtOnce) {
  const Walk walk = WalkAll("", kExplicitLittle);
  EXPECT_EQ(walk.steps, "");
  EXPECT_THAT(walk.problems, IsEmpty());
}

TEST(Cursor, HeadersOfLongLengthAreTakenForTheirVrs) {
  for (const char* vr : {"OB", "OD", "OF", "OL", "OV", "OW", "SV", "UC", "UN", "UR", "UT", "UV"}) {
    const Walk walk = WalkAll(Write({Bytes(0x00090010, vr, std::string(8, 'v')), Text(0x00100020, "LO", "id")}, kExplicitLittle),
                              kExplicitLittle);
    EXPECT_EQ(walk.steps, "00090010=vvvvvvvv 00100020=id") << vr;
  }
  for (const char* vr : {"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO",
                         "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"}) {
    const Walk walk = WalkAll(Write({Bytes(0x00090010, vr, std::string(8, 'v')), Text(0x00100020, "LO", "id")}, kExplicitLittle),
                              kExplicitLittle);
    EXPECT_EQ(walk.steps, "00090010=vvvvvvvv 00100020=id") << vr;
  }
}

TEST(Cursor, SequencesOfDefinedAndUndefinedLengthAreTheSame) {
  for (const bool undefined : {false, true}) {
    const DataSet data = {
        Sequence(0x00081140, {{Text(0x00081150, "UI", "1.2.34")}, {}, {Text(0x00081155, "UI", "5.6.78")}}, undefined),
        Sequence(0x00081199, {}, undefined), Text(0x00100020, "LO", "id")};
    for (const Encoding encoding : {kExplicitLittle, kExplicitBig}) {
      const Walk walk = WalkAll(Write(data, encoding), encoding);
      EXPECT_EQ(walk.steps, "00081140( [ 00081150=1.2.34 ] [ ] [ 00081155=5.6.78 ] ) 00081199( ) 00100020=id");
      EXPECT_THAT(walk.problems, IsEmpty());
    }
  }
}

// PS3.5 §6.2.2 note 2: implicit VR and little endian, whatever the transfer syntax; so are sequences in it.
TEST(Cursor, AnUnknownSequenceIsImplicitAndLittleEndianInEverySyntax) {
  const testing::Element inner = Sequence(0x00081199, {{Text(0x00081155, "UI", "5.6.78")}}, true);
  testing::Element unknown = Sequence(0x00091101, {{Text(0x00081150, "UI", "1.2.34"), inner}, {}}, true);
  unknown.vr = "UN";
  for (const Encoding encoding : {kExplicitLittle, kExplicitBig}) {
    const Walk walk = WalkAll(Write({unknown, Text(0x00100020, "LO", "id")}, encoding), encoding);
    EXPECT_EQ(walk.steps, "00091101( [ 00081150=1.2.34 00081199( [ 00081155=5.6.78 ] ) ] [ ] ) 00100020=id");
    EXPECT_THAT(walk.problems, IsEmpty());
  }
}

TEST(Cursor, ImplicitSequenceOfUndefinedLengthNeedsNoDictionary) {
  const DataSet data = {Sequence(0x00091101, {{Text(0x00081150, "UI", "1.2.34")}}, true), Text(0x00100020, "LO", "id")};
  EXPECT_EQ(WalkAll(Write(data, kImplicitLittle), kImplicitLittle).steps, "00091101( [ 00081150=1.2.34 ] ) 00100020=id");
}

TEST(Cursor, ContentOfUnknownSequenceIsImplicit) {
  testing::Element unknown = Sequence(
      0x00091101, {{Text(0x00081150, "UI", "1.2.34"), Sequence(0x00081140, {{Text(0x00081155, "UI", "9")}}, true)}}, true);
  unknown.vr = "UN";
  const Walk walk = WalkAll(Write({unknown, Text(0x00100020, "LO", "id")}, kExplicitLittle), kExplicitLittle);
  EXPECT_EQ(walk.steps, std::string("00091101( [ 00081150=1.2.34 00081140( [ 00081155=9") + '\0' + " ] ) ] ) 00100020=id");
  EXPECT_THAT(walk.problems, IsEmpty());
}

TEST(Cursor, SkippingASequenceGoesBehindIt) {
  for (const bool undefined : {false, true}) {
    const DataSet data = {
        Sequence(0x00081140, {{Sequence(0x00081199, {{Text(0x00081150, "UI", "1.2.34")}}, undefined)}}, undefined),
        Text(0x00100020, "LO", "id")};
    const std::string bytes = Write(data, kExplicitLittle);
    Window window;
    window.Assign({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
    Cursor cursor(window);
    cursor.Start(0, 0, kExplicitLittle, kNoEnd);
    ASSERT_EQ(cursor.Next(), Step::kElement);
    const Cursor::Skipped skipped = cursor.Skip();
    EXPECT_EQ(skipped.end, bytes.size() - 10);
    EXPECT_FALSE(skipped.truncated);
    ASSERT_EQ(cursor.Next(), Step::kElement);
    EXPECT_EQ(cursor.element().tag, 0x00100020U);
    EXPECT_EQ(cursor.Next(), Step::kEnd);
    EXPECT_THAT(cursor.problems(), IsEmpty());
  }
}

TEST(Cursor, FragmentsOfPixelDataArePassed) {
  const DataSet data = {testing::Fragments(kPixelDataTag, "OB", {"", "12345678", "1234"}), Text(0xFFFCFFFC, "LO", "pad ")};
  const Walk walk = WalkAll(Write(data, kExplicitLittle), kExplicitLittle);
  EXPECT_EQ(walk.steps, "7FE00010 FFFCFFFC=pad ");
  EXPECT_THAT(walk.problems, IsEmpty());
}

TEST(Cursor, GoesOnBehindAVrOfTheFuture) {
  const Walk walk =
      WalkAll(Write({Bytes(0x00100010, "ZZ", "abcd"), Text(0x00100020, "LO", "id")}, kExplicitLittle), kExplicitLittle);
  EXPECT_EQ(walk.steps, "00100010=abcd 00100020=id");
  EXPECT_THAT(walk.problems, ElementsAre(ProblemCode::kUnknownVr));
}

TEST(Cursor, TakesAHeaderWithoutAVrAsImplicit) {
  const std::string bytes =
      Write({Text(0x00100010, "PN", "Doe")}, kImplicitLittle) + Write({Text(0x00100020, "LO", "id")}, kExplicitLittle);
  const Walk walk = WalkAll(bytes, kExplicitLittle);
  EXPECT_EQ(walk.steps, "00100010=Doe  00100020=id");
  EXPECT_THAT(walk.problems, ElementsAre(ProblemCode::kUnknownVr));
}

TEST(Cursor, TakesTwoSpacesForAVrOfAShortLength) {
  const std::string bytes = std::string(
                                "\x28\x00\x20\x01  \x02\x00"
                                "ab",
                                10) +
                            Write({Text(0x00281054, "LO", "HU")}, kExplicitLittle);
  const Walk walk = WalkAll(bytes, kExplicitLittle);
  EXPECT_EQ(walk.steps, "00280120=ab 00281054=HU");
  EXPECT_THAT(walk.problems, ElementsAre(ProblemCode::kUnknownVr));
}

TEST(Cursor, NestsAsDeepAsTheLimitAndNoFurther) {
  const auto nested = [](int depth, bool undefined) {
    DataSet data = {Text(0x00100020, "LO", "id")};
    for (int i = 0; i < depth; ++i) data = {Sequence(0x00081140, {data}, undefined)};
    return Write(data, kExplicitLittle);
  };
  for (const bool undefined : {false, true}) {
    for (const int depth : {1, 128, base::kMaxSequenceDepth}) {
      const Walk walk = WalkAll(nested(depth, undefined), kExplicitLittle);
      EXPECT_THAT(walk.steps, HasSubstr("00100020=id")) << depth;
      EXPECT_THAT(walk.problems, IsEmpty()) << depth;
    }
    EXPECT_THAT(WalkAll(nested(base::kMaxSequenceDepth + 10, undefined), kExplicitLittle).problems,
                ElementsAre(ProblemCode::kTooDeep));
  }
}

TEST(Cursor, ReportsAValuePastItsItemAndKeepsWithinTheItem) {
  testing::Element liar = Text(0x00081150, "UI", "1.2.34");
  liar.declared_length = 100;
  const Walk walk = WalkAll(
      Write({Sequence(0x00081140, {{liar}, {Text(0x00081155, "UI", "5.6.78")}}), Text(0x00100020, "LO", "id")}, kExplicitLittle),
      kExplicitLittle);
  EXPECT_EQ(walk.steps, "00081140( [ 00081150!=1.2.34 ] [ 00081155=5.6.78 ] ) 00100020=id");
  EXPECT_THAT(walk.problems, ElementsAre(ProblemCode::kValuePastItem));
}

TEST(Cursor, KeepsAnItemWithinItsSequence) {
  testing::Element sequence = Sequence(0x00081140, {{Text(0x00081150, "UI", "1.2.34")}});
  std::string bytes = WriteElement(sequence, kExplicitLittle);
  bytes[12 + 4] = 100;  // the item's length
  const Walk walk = WalkAll(bytes + Write({Text(0x00100020, "LO", "id")}, kExplicitLittle), kExplicitLittle);
  EXPECT_EQ(walk.steps, "00081140( [ 00081150=1.2.34 ] ) 00100020=id");
  EXPECT_THAT(walk.problems, ElementsAre(ProblemCode::kValuePastItem));
}

TEST(Cursor, GoesOnWithTheParentWhenDelimitersAreMissing) {
  std::string bytes = WriteElement(
      Sequence(0x00081140, {{Text(0x00081150, "UI", "1.2.34")}, {Text(0x00081155, "UI", "5.6.78")}}, true), kExplicitLittle);
  const std::string after = Write({Text(0x00100020, "LO", "id")}, kExplicitLittle);
  const size_t item = 8 + 14;  // an item's header and its element
  // The first item's delimiter: the next item ends it.
  const Walk first = WalkAll(std::string(bytes).erase(12 + item, 8) + after, kExplicitLittle);
  EXPECT_EQ(first.steps, "00081140( [ 00081150=1.2.34 ] [ 00081155=5.6.78 ] ) 00100020=id");
  EXPECT_THAT(first.problems, ElementsAre(ProblemCode::kMissingDelimiter));
  // The last item's: the sequence's own delimiter ends it.
  const Walk last = WalkAll(std::string(bytes).erase(12 + 2 * item + 8, 8) + after, kExplicitLittle);
  EXPECT_EQ(last.steps, "00081140( [ 00081150=1.2.34 ] [ 00081155=5.6.78 ] ) 00100020=id");
  EXPECT_THAT(last.problems, ElementsAre(ProblemCode::kMissingDelimiter));
  // The sequence's: what follows is no item, so it is the parent's.
  const Walk sequence = WalkAll(bytes.substr(0, bytes.size() - 8) + after, kExplicitLittle);
  EXPECT_EQ(sequence.steps, "00081140( [ 00081150=1.2.34 ] [ 00081155=5.6.78 ] ) 00100020=id");
  EXPECT_THAT(sequence.problems, ElementsAre(ProblemCode::kNoItem));
}

TEST(Cursor, PassesWhatIsNoItemInASequenceOfDefinedLength) {
  const std::string inside = Write({Text(0x00100010, "PN", "Doe")}, kExplicitLittle);
  std::string bytes;
  AppendHeader(bytes, 0x00081140, "SQ", static_cast<uint32_t>(inside.size()), kExplicitLittle);
  const Walk walk = WalkAll(bytes + inside + Write({Text(0x00100020, "LO", "id")}, kExplicitLittle), kExplicitLittle);
  EXPECT_EQ(walk.steps, "00081140( ) 00100020=id");
  EXPECT_THAT(walk.problems, ElementsAre(ProblemCode::kNoItem));
}

// A sequence of one item that holds `inside`, all lengths defined.
std::string SequenceOf(const std::string& inside) {
  std::string bytes;
  AppendHeader(bytes, 0x00081140, "SQ", static_cast<uint32_t>(inside.size() + 8), kExplicitLittle);
  AppendTag(bytes, kItemTag, false);
  testing::Append32(bytes, static_cast<uint32_t>(inside.size()), false);
  return bytes + inside;
}

TEST(Cursor, MakesNoElementOfBytesAtTheEndOfAnItemThatAreTooFewForAHeader) {
  const std::string whole = Write({Text(0x00081150, "UI", "1.2.34")}, kExplicitLittle);
  const std::string after = Write({Text(0x00100020, "LO", "id")}, kExplicitLittle);
  const std::string header("\x08\0\x55\x11OB\0\0\x04\0\0\0", 12);
  for (size_t count = 1; count < header.size(); ++count) {
    const Walk walk = WalkAll(SequenceOf(whole + header.substr(0, count)) + after, kExplicitLittle);
    EXPECT_EQ(walk.steps, "00081140( [ 00081150=1.2.34 ] ) 00100020=id") << count;
    EXPECT_THAT(walk.problems, ElementsAre(ProblemCode::kTrailingBytes)) << count;
  }
}

TEST(Cursor, KeepsASequenceOfUndefinedLengthWithinTheItemAroundIt) {
  const std::string after = Write({Text(0x00100020, "LO", "id")}, kExplicitLittle);
  std::string inner = WriteElement(Sequence(0x00081199, {{Text(0x00081150, "UI", "1.2.34")}}, true), kExplicitLittle);
  inner.resize(inner.size() - 16);  // both delimiters
  const Walk walk = WalkAll(SequenceOf(inner) + after, kExplicitLittle);
  EXPECT_EQ(walk.steps, "00081140( [ 00081199( [ 00081150=1.2.34 ] ) ] ) 00100020=id");
  EXPECT_THAT(walk.problems, ElementsAre(ProblemCode::kMissingDelimiter, ProblemCode::kMissingDelimiter));
}

TEST(Cursor, KeepsFragmentsWithinTheItemAroundThem) {
  const std::string after = Write({Text(0x00100020, "LO", "id")}, kExplicitLittle);
  const std::string whole = WriteElement(Fragments(kPixelDataTag, "OB", {"", "abcd"}), kExplicitLittle);
  for (size_t count = 12; count < whole.size(); ++count) {
    const Walk walk = WalkAll(SequenceOf(whole.substr(0, count)) + after, kExplicitLittle);
    EXPECT_EQ(walk.steps, "00081140( [ 7FE00010! ] ) 00100020=id") << count;
    EXPECT_EQ(walk.problems.size(), 1U) << count;
  }
}

TEST(Cursor, ADelimiterInASequenceOfDefinedLengthDoesNotShortenIt) {
  const std::string after = Write({Text(0x00100020, "LO", "id")}, kExplicitLittle);
  std::string item;
  AppendTag(item, kItemTag, false);
  testing::Append32(item, 0, false);
  std::string delimiter;
  AppendTag(delimiter, kSequenceDelimitationTag, false);
  testing::Append32(delimiter, 0, false);
  for (const std::string& inside : {item + delimiter, item + delimiter + item, item + delimiter + "xyz"}) {
    std::string bytes;
    AppendHeader(bytes, 0x00081140, "SQ", static_cast<uint32_t>(inside.size()), kExplicitLittle);
    EXPECT_EQ(WalkAll(bytes + inside + after, kExplicitLittle).steps, "00081140( [ ] ) 00100020=id");
  }
}

// What an element holds is in its own bytes: whatever is wrong in them, those behind it are not looked at.
TEST(Cursor, WhatFollowsAnElementOfDefinedLengthDoesNotChangeTheWalkThroughIt) {
  const std::string good = Write({Text(0x00100020, "LO", "id")}, kExplicitLittle);
  std::string other(40, '\xFE');
  AppendTag(other, kItemTag, false);
  std::mt19937 random(1);
  const std::string inside =
      Write({Sequence(0x00081199, {{Text(0x00081150, "UI", "1.2.34")}, {Us(0x00280010, {7})}}, true),
             Sequence(0x00082218, {{Text(0x00080100, "SH", "T-1")}}), Fragments(kPixelDataTag, "OB", {"", "abcd"})},
            kExplicitLittle);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = inside.substr(0, random() % 4 == 0 ? random() % inside.size() : inside.size());
    for (size_t i = 0, n = random() % 4; i < n && !bytes.empty(); ++i)
      bytes[random() % bytes.size()] = static_cast<char>(random() % 3 == 0 ? 0xFF : random() % 40);
    bytes = SequenceOf(bytes);
    const std::string steps = WalkAll(bytes + good, kExplicitLittle).steps;
    ASSERT_TRUE(steps.ends_with(" ) 00100020=id")) << steps;
    const std::string others = WalkAll(bytes + other, kExplicitLittle).steps;
    const std::string walk = steps.substr(0, steps.size() - 12);
    ASSERT_EQ(others.substr(0, walk.size()), walk) << round;
  }
}

TEST(Cursor, ReportsBytesThatAreNoElement) {
  const std::string small = Write({Text(0x00100020, "LO", "id")}, kExplicitLittle);
  for (const size_t count : {1, 4, 7}) {
    const Walk walk = WalkAll(small + std::string(count, '\0'), kExplicitLittle);
    EXPECT_EQ(walk.steps, "00100020=id") << count;
    EXPECT_THAT(walk.problems, ElementsAre(ProblemCode::kTrailingBytes)) << count;
  }
}

TEST(Cursor, ReportsADelimiterThatBelongsToNothing) {
  std::string bytes = Write({Text(0x00100020, "LO", "id")}, kExplicitLittle);
  AppendTag(bytes, kItemDelimitationTag, false);
  bytes.append(4, '\0');
  const Walk walk = WalkAll(bytes, kExplicitLittle);
  EXPECT_EQ(walk.steps, "00100020=id");
  EXPECT_THAT(walk.problems, ElementsAre(ProblemCode::kTrailingBytes));
}

TEST(Cursor, TakesOddLengthsAsTheyAre) {
  for (const Encoding encoding : {kImplicitLittle, kExplicitLittle, kExplicitBig}) {
    EXPECT_EQ(WalkAll(Write({Bytes(0x00100010, "PN", "Doe"), Bytes(0x00100020, "LO", "i")}, encoding), encoding).steps,
              "00100010=Doe 00100020=i");
  }
}

TEST(Cursor, StopsAtTheEndThatItIsGiven) {
  const std::string bytes = Write(kSmall, kExplicitLittle);
  const Walk walk = WalkAll(bytes, kExplicitLittle, 14 + 12);
  EXPECT_EQ(walk.steps, std::string("00080018=1.2.3") + '\0' + " 00100010=Doe ");
}

TEST(Cursor, ALengthOfNearlyFourGibibytesEndsTheWalkAtTheEndOfTheBytes) {
  for (const uint32_t length : {0xFFFFFFFEU, 0xFFFFFFF0U, 0x80000000U, 0x7FFFFFFFU, 100U}) {
    testing::Element huge = Bytes(0x00091001, "UT", "abc");
    huge.declared_length = length;
    const Walk walk = WalkAll(Write({Text(0x00080018, "UI", "1."), huge}, kExplicitLittle), kExplicitLittle);
    EXPECT_THAT(walk.steps, ::testing::StartsWith("00080018=1. 00091001!")) << length;
    EXPECT_THAT(walk.problems, ElementsAre(ProblemCode::kTruncated)) << length;
  }
}

// The whole data set, then every shorter beginning of it: the walk ends, says that something is missing (but where an element
// ends just there), and finds nothing that the whole one does not have.
TEST(Cursor, CutAtEveryByteTheWalkStillEnds) {
  for (const bool undefined : {false, true}) {
    testing::Element unknown = Sequence(0x00091101, {{Text(0x00081150, "UI", "1.2.34")}}, true);
    unknown.vr = "UN";
    const DataSet data = {
        Text(0x00080018, "UI", "1.2.3"),
        Sequence(0x00081140, {{Text(0x00081150, "UI", "1.2"), Sequence(0x00081199, {{}}, undefined)}, {}}, undefined),
        unknown,
        Bytes(0x00091102, "OB", std::string(20, 'b')),
        Text(0x00104000, "LT", "comment"),
        testing::Fragments(kPixelDataTag, "OB", {"", "12345678"})};
    for (const Encoding encoding : {kExplicitLittle, kImplicitLittle, kExplicitBig}) {
      const std::string bytes = Write(data, encoding);
      std::vector<size_t> boundaries = {0};
      for (const testing::Element& element : data)
        boundaries.push_back(boundaries.back() + WriteElement(element, encoding).size());
      for (size_t size = 0; size < bytes.size(); ++size) {
        const Walk walk = WalkAll(bytes.substr(0, size), encoding);
        const bool between = std::find(boundaries.begin(), boundaries.end(), size) != boundaries.end();
        EXPECT_EQ(walk.problems.empty(), between) << size << " " << walk.steps;
      }
    }
  }
}

}  // namespace
}  // namespace dicomhouse::dicom
