// DICOMweb, request by request over a store in a folder, without a socket; real clients: tests/wire/.
#include "api/dicomweb/dicomweb.h"

#include <gtest/gtest.h>

#include <memory>

#include "api/dicomweb/store_response.h"
#include "http/multipart.h"
#include "tests/api/answered.h"
#include "tests/store/instance_maker.h"

namespace dicomhouse::api {
namespace {

using base::Json;
using store::testing::Facts;
using store::testing::MakeInstance;
using namespace dicom::testing;  // NOLINT(google-build-using-namespace)

constexpr const char* kRoot = "/v1/projects/p/locations/l/datasets/d/dicomStores/s/dicomWeb";

struct Answered : testing::Answered {
  std::vector<std::pair<std::string, std::string>> parts;  // Content-Type, bytes
};

class DicomWeb : public ::testing::Test {
 protected:
  DicomWeb() {
    catalog_ = *store::Catalog::Open(folder_.path() + "/catalog.sqlite");
    instances_ = *store::Instances::Open(folder_.path(), base::RealFileSystem());
    const store::DatasetName dataset{"p", "l", "d"};
    EXPECT_TRUE(catalog_->CreateDataset({dataset, Json::MakeObject()}).ok());
    EXPECT_TRUE(catalog_->CreateDicomStore({dataset, "s"}, Json::MakeObject()).ok());
    dicomweb::AddRoutes(router_, {catalog_.get(), instances_.get(), nullptr, "http://house"});
  }

  Answered Send(const std::string& method, const std::string& target, const std::string& body = "", http::Headers headers = {}) {
    http::StringBody bytes(body);
    Answered answer{testing::Send(router_, method, kRoot + target, bytes, std::move(headers)), {}};
    TakeParts(answer);
    return answer;
  }
  Answered Get(const std::string& target, const std::string& accept = "") {
    return Send("GET", target, "", accept.empty() ? http::Headers{} : http::Headers{{"Accept", accept}});
  }
  static void TakeParts(Answered& answer) {
    const auto type = http::ParseMediaType(answer.headers.Get("Content-Type"));
    if (!type || type->Essence() != "multipart/related") return;
    http::StringBody body(answer.body);
    http::MultipartReader reader(body, std::string(type->Parameter("boundary")));
    while (*reader.NextPart()) {
      std::string bytes = *http::ReadAll(reader, 1 << 24);
      const std::string* length = reader.headers().Find("Content-Length");
      EXPECT_EQ(length == nullptr ? std::to_string(bytes.size()) : *length, std::to_string(bytes.size()));
      answer.parts.emplace_back(reader.headers().Get("Content-Type"), std::move(bytes));
    }
  }

  static std::string Multipart(const std::vector<std::string>& files, const std::string& part_type = "application/dicom") {
    std::string body;
    for (const std::string& file : files) body += "--B\r\nContent-Type: " + part_type + "\r\n\r\n" + file + "\r\n";
    return body + "--B--\r\n";
  }
  Answered Post(const std::vector<std::string>& files, const std::string& target = "/studies") {
    return Send("POST", target, Multipart(files),
                {{"Content-Type", "multipart/related; type=\"application/dicom\"; boundary=B"}});
  }
  // One instance with pixel data.
  std::string PostPixels(DataSet more, dicom::Encoding encoding = kExplicitLittle) {
    DataSet elements = {Text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"), Text(0x00080018, "UI", "1.2.3.1.1"),
                        Text(0x0020000D, "UI", "1.2.3"), Text(0x0020000E, "UI", "1.2.3.1")};
    elements.insert(elements.end(), more.begin(), more.end());
    std::sort(elements.begin(), elements.end(), [](const Element& a, const Element& b) { return a.tag < b.tag; });
    const bool compressed = !elements.back().fragments.empty();
    const std::string file = compressed ? Preamble() + WriteMeta("1.2.840.10008.1.2.4.90") + Write(elements, kExplicitLittle)
                                        : WriteFile(elements, encoding);
    EXPECT_EQ(Post({file}).status, 200);
    return file;
  }

  static Facts Instance(int number) {
    Facts facts;
    facts.instance = "1.2.3.1." + std::to_string(number);
    facts.number = std::to_string(number);
    return facts;
  }

  const store::testing::Folder folder_;
  std::unique_ptr<store::Catalog> catalog_;
  std::unique_ptr<store::Instances> instances_;
  Router router_;
};

DataSet Image(uint16_t rows, uint16_t columns, uint16_t bits, const std::string& frames) {
  return {Text(0x00280008, "IS", frames), Us(0x00280002, {1}), Us(0x00280010, {rows}), Us(0x00280011, {columns}),
          Us(0x00280100, {bits})};
}

const std::string kInstance = "/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.1";

// ---- Store

TEST_F(DicomWeb, StoredInstancesComeBackByteForByte) {
  const std::string file = MakeInstance(Instance(1));
  const Answered stored = Post({file});
  EXPECT_EQ(stored.status, 200);
  EXPECT_EQ(stored.headers.Get("Content-Type"), "application/dicom+json");
  const Json& item = stored.json["00081199"]["Value"].array().at(0);
  EXPECT_EQ(item["00081155"]["Value"].array().at(0).as_string(), "1.2.3.1.1");
  EXPECT_EQ(item["00081150"]["Value"].array().at(0).as_string(), "1.2.840.10008.5.1.4.1.1.2");
  EXPECT_EQ(item["00081190"]["Value"].array().at(0).as_string(), "http://house" + std::string(kRoot) + kInstance);
  EXPECT_EQ(stored.json["00081190"]["Value"].array().at(0).as_string(), "http://house" + std::string(kRoot) + "/studies/1.2.3");

  const Answered one = Get(kInstance, "application/dicom");
  EXPECT_EQ(one.headers.Get("Content-Type"), "application/dicom; transfer-syntax=1.2.840.10008.1.2.1");
  EXPECT_EQ(one.body, file);
  EXPECT_EQ(Get(kInstance).parts.at(0).second, file);
  EXPECT_EQ(Get("/studies/1.2.3/series/1.2.3.1").parts.at(0).second, file);
}

TEST_F(DicomWeb, ASingleInstanceIsStoredWithoutMultipart) {
  const std::string file = MakeInstance(Instance(1));
  EXPECT_EQ(Send("POST", "/studies", file, {{"Content-Type", "application/dicom"}}).status, 200);
  EXPECT_EQ(Get(kInstance, "application/dicom; transfer-syntax=*").body, file);
}

TEST_F(DicomWeb, SendingTheSameBytesAgainIsSuccessAndOtherBytesAreAConflict) {
  Facts facts = Instance(1);
  EXPECT_EQ(Post({MakeInstance(facts)}).status, 200);
  EXPECT_EQ(Post({MakeInstance(facts)}).status, 200);
  facts.patient = "ROE^RICHARD";
  const Answered other = Post({MakeInstance(facts)});
  EXPECT_EQ(other.status, 409);
  const Json& item = other.json["00081198"]["Value"].array().at(0);
  EXPECT_EQ(item["00081197"]["Value"].array().at(0).as_int(), dicomweb::kDuplicateInstance);
  EXPECT_EQ(Get(kInstance, "application/dicom").body, MakeInstance(Instance(1)));
}

TEST_F(DicomWeb, WhatCanBeStoredIsStoredAndTheRestHasItsReasons) {
  Facts elsewhere = Instance(2);
  elsewhere.study = "9.9";
  const Answered answer = Post({MakeInstance(Instance(1)), "no DICOM at all", MakeInstance(elsewhere), ""}, "/studies/1.2.3");
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.json["00081199"]["Value"].array().size(), 1U);
  const Json& failed = answer.json["00081198"]["Value"];
  ASSERT_EQ(failed.array().size(), 1U);
  EXPECT_EQ(failed.array()[0]["00081155"]["Value"].array().at(0).as_string(), "1.2.3.1.2");
  EXPECT_EQ(failed.array()[0]["00081197"]["Value"].array().at(0).as_int(), dicomweb::kDoesNotMatch);
  EXPECT_EQ(answer.json["0008119A"]["Value"].array().size(), 2U);
  EXPECT_EQ(Get("/studies/9.9").status, 404);
}

TEST_F(DicomWeb, ManyInstancesOfOneRequestAreAllStored) {
  std::vector<std::string> files;
  for (int i = 1; i <= 600; ++i) files.push_back(MakeInstance(Instance(i)));
  const Answered answer = Post(files);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json["00081199"]["Value"].array().size(), files.size());
  const Answered all = Get("/studies/1.2.3");
  ASSERT_EQ(all.parts.size(), files.size());
  for (size_t i = 0; i < files.size(); ++i) EXPECT_EQ(all.parts[i].second, files[i]);
}

TEST_F(DicomWeb, BodiesThatAreNoneAreRefused) {
  const std::string type = "multipart/related; type=\"application/dicom\"; boundary=B";
  const std::string file = MakeInstance(Instance(1));
  EXPECT_EQ(Send("POST", "/studies", "", {{"Content-Type", type}}).status, 400);
  EXPECT_EQ(Send("POST", "/studies", "--B--\r\n", {{"Content-Type", type}}).status, 400);
  EXPECT_EQ(Send("POST", "/studies", file, {}).status, 415);
  EXPECT_EQ(Send("POST", "/studies", file, {{"Content-Type", "text/plain"}}).status, 415);
  EXPECT_EQ(
      Send("POST", "/studies", file, {{"Content-Type", "multipart/related; type=\"application/dicom+json\"; boundary=B"}}).status,
      415);
  EXPECT_EQ(Send("POST", "/studies", file, {{"Content-Type", "multipart/related; type=\"application/dicom\""}}).status, 400);
  EXPECT_EQ(Send("POST", "/studies", Multipart({"x"}, "image/jpeg"), {{"Content-Type", type}}).status, 409);
  // What came whole before the body broke is stored; sending all again changes nothing.
  const std::string broken = Multipart({file, file}).substr(0, file.size() + 200);
  EXPECT_EQ(Send("POST", "/studies", broken, {{"Content-Type", type}}).status, 400);
  EXPECT_EQ(Get(kInstance, "application/dicom").body, file);
  EXPECT_EQ(Post({file}).status, 200);
}

TEST_F(DicomWeb, ABodyWithACodingIsRefusedAsSuch) {
  const std::string body = Multipart({MakeInstance(Instance(1))});
  const std::string type = "multipart/related; type=\"application/dicom\"; boundary=B";
  const Answered packed = Send("POST", "/studies", body, {{"Content-Type", type}, {"Content-Encoding", "gzip"}});
  EXPECT_EQ(packed.status, 415);
  EXPECT_NE(packed.json["error"]["message"].as_string().find("gzip"), std::string::npos) << packed.body;
  EXPECT_EQ(packed.headers.Get("Accept-Encoding"), "identity");
  EXPECT_EQ(Send("POST", "/studies", body, {{"Content-Type", type}, {"Content-Encoding", "identity"}}).status, 200);
}

TEST_F(DicomWeb, TheAnswerIsXmlOnlyWhenAskedFor) {
  const http::Headers headers = {{"Content-Type", "application/dicom"}, {"Accept", "application/dicom+xml"}};
  const Answered answer = Send("POST", "/studies/9.9", MakeInstance(Instance(1)), headers);
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.headers.Get("Content-Type"), "application/dicom+xml");
  EXPECT_NE(answer.body.find("<DicomAttribute tag=\"00081198\" vr=\"SQ\" keyword=\"FailedSOPSequence\"><Item number=\"1\">"
                             "<DicomAttribute tag=\"00081150\" vr=\"UI\" keyword=\"ReferencedSOPClassUID\"><Value number=\"1\">"),
            std::string::npos)
      << answer.body;
  EXPECT_NE(answer.body.find("privateCreator=\"GOOGLE\""), std::string::npos);
}

// ---- Search

TEST_F(DicomWeb, SearchesFindByKeywordsAndTags) {
  Facts other = Instance(2);
  other.patient_id = "P2";
  other.study = "1.2.4";
  other.series = "1.2.4.1";
  ASSERT_EQ(Post({MakeInstance(Instance(1)), MakeInstance(other)}).status, 200);
  const Answered all = Get("/studies");
  EXPECT_EQ(all.status, 200);
  EXPECT_EQ(all.headers.Get("Content-Type"), "application/dicom+json");
  EXPECT_EQ(all.json.array().size(), 2U);
  for (const char* query :
       {"?PatientID=P2", "?00100020=P2", "?StudyInstanceUID=1.2.4", "?0020000D=9,1.2.4", "?PatientID=*2&limit=5",
        "?ModalitiesInStudy=CT&PatientID=P2&includefield=00081030,PatientName&access_token=x"}) {
    const Answered found = Get(std::string("/studies") + query);
    ASSERT_EQ(found.json.array().size(), 1U) << query;
    EXPECT_EQ(found.json.array()[0]["0020000D"]["Value"].array().at(0).as_string(), "1.2.4") << query;
  }
  EXPECT_EQ(Get("/studies/1.2.4/series").json.array().size(), 1U);
  EXPECT_EQ(Get("/series").json.array().size(), 2U);
  EXPECT_EQ(Get("/instances").json.array().size(), 2U);
  EXPECT_EQ(Get("/studies/1.2.4/instances").json.array().size(), 1U);
  EXPECT_EQ(Get("/studies/1.2.4/series/1.2.4.1/instances").json.array().size(), 1U);
}

// What an answer says of a match finds it again.
TEST_F(DicomWeb, WhatTheServerAddsCanBeSearchedFor) {
  Facts other = Instance(1);
  other.study = "1.2.4";
  other.series = "1.2.4.1";
  other.instance = "1.2.4.1.1";
  ASSERT_EQ(Post({MakeInstance(Instance(1)), MakeInstance(Instance(2)), MakeInstance(other)}).status, 200);
  const std::string sop_class = "1.2.840.10008.5.1.4.1.1.2";
  const std::string syntax = "1.2.840.10008.1.2.1";
  const std::vector<std::pair<std::string, size_t>> found = {
      {"/studies?InstanceAvailability=ONLINE", 2},
      {"/series?00080056=ONLINE", 2},
      {"/instances?InstanceAvailability=ON*", 3},
      {"/studies?NumberOfStudyRelatedInstances=2", 1},
      {"/studies?NumberOfStudyRelatedSeries=1", 2},
      {"/studies?NumberOfSeriesRelatedInstances=2", 1},
      {"/series?NumberOfSeriesRelatedInstances=1", 1},
      {"/instances?NumberOfStudyRelatedInstances=2&NumberOfSeriesRelatedInstances=2", 2},
      {"/instances?AvailableTransferSyntaxUID=1.2," + syntax, 3},
      {"/series?AvailableTransferSyntaxUID=" + syntax + "&PatientID=P1", 2},
      {"/studies?SOPClassesInStudy=" + sop_class, 2},
      {"/instances?SOPClassesInStudy=" + sop_class, 3},
      {"/studies?InstanceAvailability=OFFLINE", 0},
      {"/studies?NumberOfStudyRelatedInstances=3", 0},
      {"/studies?SOPClassesInStudy=1.2", 0},
      {"/series?AvailableTransferSyntaxUID=1.2", 0}};
  for (const auto& [target, count] : found) {
    const Answered answer = Get(target);
    EXPECT_EQ(answer.status, count == 0 ? 204 : 200) << target;
    EXPECT_EQ(answer.json.array().size(), count) << target;
  }
  for (const char* target : {"/studies?includefield=SOPClassesInStudy", "/studies?00080062=1.2.840.10008.5.1.4.1.1.2"}) {
    EXPECT_EQ(Get(target).json.array().at(0)["00080062"]["Value"].Print(), "[\"" + sop_class + "\"]") << target;
  }
  EXPECT_EQ(Get("/studies").json.array().at(0).find("00080062"), nullptr);
  EXPECT_EQ(Get("/studies?RetrieveURL=http://house").status, 400);
}

TEST_F(DicomWeb, MatchesSayWhereTheyAreInAscendingOrder) {
  ASSERT_EQ(Post({MakeInstance(Instance(1))}).status, 200);
  for (const auto& [target, url] : std::vector<std::pair<std::string, std::string>>{
           {"/studies", "/studies/1.2.3"}, {"/series", "/studies/1.2.3/series/1.2.3.1"}, {"/instances", kInstance}}) {
    const Json found = Get(target).json.array().at(0);
    EXPECT_EQ(found["00081190"]["Value"].array().at(0).as_string(), "http://house" + std::string(kRoot) + url);
    EXPECT_EQ(found["00080056"]["Value"].array().at(0).as_string(), "ONLINE");
    std::string last;
    for (const auto& [tag, element] : found.object()) {
      EXPECT_LT(last, tag);
      last = tag;
    }
  }
}

TEST_F(DicomWeb, ASearchDoesNotShowLargeValuesAsEmpty) {
  DataSet image = Image(50, 50, 16, "1");
  image.push_back(Text(0x00090010, "LO", "MAKER"));
  image.push_back(Bytes(0x00091001, "OB", std::string(3000, 'p')));
  image.push_back(Bytes(0x7FE00010, "OW", std::string(5000, 'x')));
  PostPixels(image);
  for (const char* query : {"?includefield=all", "?includefield=PixelData,00091001"}) {
    const Json found = Get(std::string("/instances") + query).json.array().at(0);
    EXPECT_EQ(found.find("7FE00010"), nullptr) << query;
    EXPECT_EQ(found.find("00091001"), nullptr) << query;
    EXPECT_NE(found.find("00090010"), nullptr) << query;
  }
}

TEST_F(DicomWeb, SearchesArePagedWithAWarning) {
  std::vector<std::string> files;
  for (int i = 1; i <= 5; ++i) files.push_back(MakeInstance(Instance(i)));
  ASSERT_EQ(Post(files).status, 200);
  const Answered first = Get("/instances?limit=3");
  EXPECT_EQ(first.json.array().size(), 3U);
  EXPECT_TRUE(first.headers.Get("Warning").starts_with("299 "));
  const Answered rest = Get("/instances?limit=3&offset=3");
  EXPECT_EQ(rest.json.array().size(), 2U);
  EXPECT_EQ(rest.headers.Find("Warning"), nullptr);
  EXPECT_EQ(Get("/instances?offset=5").status, 204);
}

TEST_F(DicomWeb, ASearchThatFindsNothingHasNoContent) {
  const Answered answer = Get("/studies?PatientID=NOBODY");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.body, "");
}

TEST_F(DicomWeb, SearchesThatSayNothingAreRefused) {
  for (const char* query : {"?NoSuchAttribute=1", "?0010001=1", "?limit=x", "?limit=-1", "?offset=1.5", "?fuzzymatching=maybe",
                            "?includefield=Nonsense", "?PatientID.=1", "?.=1", "?=1"}) {
    const Answered answer = Get(std::string("/studies") + query);
    EXPECT_EQ(answer.status, 400) << query;
    EXPECT_EQ(answer.json["error"]["status"].as_string(), "INVALID_ARGUMENT") << query;
  }
  EXPECT_EQ(Get("/studies", "application/dicom+xml").status, 406);
  EXPECT_EQ(Get("/studies?accept=application/dicom%2Bjson", "application/dicom+xml").status, 204) << "the parameter counts first";
  EXPECT_EQ(Get("/studies?accept=application/dicom+json", "application/dicom+xml").status, 204);
}

// ---- Metadata

TEST_F(DicomWeb, MetadataIsTheDataSetWithUrisThatCanBeFetched) {
  const std::string pixels(5000, 'x');
  const std::string icon(2000, 'i');
  PostPixels(
      {Text(0x00100010, "PN", "A^B"), Sequence(0x00880200, {{Bytes(0x7FE00010, "OB", icon)}}), Bytes(0x7FE00010, "OW", pixels)});
  const Answered answer = Get("/studies/1.2.3/metadata", "application/dicom+json");
  EXPECT_EQ(answer.status, 200);
  const Json& instance = answer.json.array().at(0);
  EXPECT_EQ(instance["00100010"]["Value"].array().at(0)["Alphabetic"].as_string(), "A^B");
  EXPECT_EQ(instance["00020010"].is_null(), true);
  const std::string bulk = "/bulkdata/7FE00010";
  EXPECT_EQ(instance["7FE00010"]["BulkDataURI"].as_string(), "http://house" + std::string(kRoot) + kInstance + bulk);
  EXPECT_EQ(Get(kInstance + bulk).body, pixels);
  EXPECT_EQ(Get(kInstance + bulk, "multipart/related; type=\"application/octet-stream\"").parts.at(0).second, pixels);
  EXPECT_EQ(Get(kInstance + "/bulkdata/00880200/1/7FE00010").body, icon);
  const Answered range = Send("GET", kInstance + bulk, "", {{"Range", "bytes=4990-"}});
  EXPECT_EQ(range.status, 206);
  EXPECT_EQ(range.headers.Get("Content-Range"), "bytes 4990-4999/5000");
  EXPECT_EQ(range.body, pixels.substr(4990));
  EXPECT_EQ(Send("GET", kInstance + bulk, "", {{"Range", "bytes=5000-"}}).status, 416);
  EXPECT_EQ(Get(kInstance + "/bulkdata/00880200/2/7FE00010").status, 404);
  EXPECT_EQ(Get(kInstance + "/bulkdata/00880200/0/7FE00010").status, 400);
  EXPECT_EQ(Get(kInstance + "/bulkdata/etc/passwd").status, 400);
  EXPECT_EQ(Get(kInstance + "/bulkdata/00990099").status, 404);
  EXPECT_EQ(Get(kInstance + bulk, "image/png").status, 406);
}

TEST_F(DicomWeb, MetadataOfASeriesHasAllItsInstances) {
  std::vector<std::string> files;
  for (int i = 1; i <= 1200; ++i) files.push_back(MakeInstance(Instance(i)));
  ASSERT_EQ(Post(files).status, 200);
  EXPECT_EQ(Get("/studies/1.2.3/series/1.2.3.1/metadata").json.array().size(), files.size());
  EXPECT_EQ(Get(kInstance + "/metadata").json.array().size(), 1U);
  EXPECT_EQ(Get("/studies/1.2.3/metadata", "multipart/related; type=\"application/dicom+xml\"").status, 406);
}

// ---- Frames

TEST_F(DicomWeb, NativeFramesAreCutByTheirSize) {
  DataSet image = Image(2, 3, 16, "3");
  std::string pixels;
  for (int i = 0; i < 36; ++i) pixels += static_cast<char>(i);
  image.push_back(Bytes(0x7FE00010, "OW", pixels));
  PostPixels(image);
  const Answered two = Get(kInstance + "/frames/3,1");
  ASSERT_EQ(two.parts.size(), 2U);
  EXPECT_EQ(two.parts[0].second, pixels.substr(24, 12));
  EXPECT_EQ(two.parts[1].second, pixels.substr(0, 12));
  EXPECT_EQ(two.parts[0].first, "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1");
  EXPECT_EQ(Get(kInstance + "/frames/2", "application/octet-stream").body, pixels.substr(12, 12));
  EXPECT_EQ(Get(kInstance + "/frames/4").status, 404);
  for (const char* list : {"0", "a", "1,", ",", "1,,2", "-1", "1-2", "99999999999999999999"}) {
    EXPECT_EQ(Get(kInstance + "/frames/" + list).status, 400) << list;
  }
  EXPECT_EQ(Get(kInstance + "/frames/1", "multipart/related; type=\"image/jpeg\"").status, 406);
  EXPECT_EQ(Get(kInstance + "/frames/1/rendered").status, 501);
  EXPECT_EQ(Get(kInstance + "/rendered").status, 501);
}

TEST_F(DicomWeb, WhatACutInstanceLacksIsNotThere) {
  DataSet image = Image(100, 100, 8, "2");
  std::string pixels(20000, 'p');
  image.push_back(Bytes(0x7FE00010, "OB", pixels));
  DataSet elements = {Text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"), Text(0x00080018, "UI", "1.2.3.1.1"),
                      Text(0x0020000D, "UI", "1.2.3"), Text(0x0020000E, "UI", "1.2.3.1")};
  elements.insert(elements.end(), image.begin(), image.end());
  std::sort(elements.begin(), elements.end(), [](const Element& a, const Element& b) { return a.tag < b.tag; });
  const std::string file = WriteFile(elements);
  ASSERT_EQ(Post({file.substr(0, file.size() - 5000)}).status, 200);
  EXPECT_EQ(Get(kInstance + "/frames/1", "application/octet-stream").body, pixels.substr(0, 10000));
  const Answered frame = Get(kInstance + "/frames/2");
  EXPECT_EQ(frame.status, 404);
  EXPECT_NE(frame.json["error"]["message"].as_string().find("it was cut"), std::string::npos) << frame.body;
  EXPECT_EQ(Get(kInstance + "/frames/1,2").status, 404);
  for (const char* accept : {"", "application/octet-stream"}) {
    const Answered bulk = Get(kInstance + "/bulkdata/7FE00010", accept);
    EXPECT_EQ(bulk.status, 404) << accept;
    EXPECT_NE(bulk.json["error"]["message"].as_string().find("it was cut"), std::string::npos) << bulk.body;
  }
  EXPECT_EQ(Get(kInstance + "/metadata").status, 200);
  EXPECT_EQ(Get(kInstance, "application/dicom").body.size(), file.size() - 5000);
}

TEST_F(DicomWeb, FramesOfABigEndianInstanceAreLittleEndian) {
  DataSet image = Image(1, 2, 16, "2");
  image.push_back(Bytes(0x7FE00010, "OW", LittleEndian<uint16_t>({1, 2, 3, 4})));
  PostPixels(image, kExplicitBig);
  EXPECT_EQ(Get(kInstance + "/frames/2", "application/octet-stream").body, LittleEndian<uint16_t>({3, 4}));
  EXPECT_EQ(Get(kInstance + "/bulkdata/7FE00010").body, LittleEndian<uint16_t>({1, 2, 3, 4}));
}

TEST_F(DicomWeb, EncapsulatedFramesAreFoundByTableOrByFragments) {
  DataSet image = Image(1, 2, 8, "2");
  // Offsets of a frame of two fragments and one of a single fragment.
  image.push_back(Fragments(0x7FE00010, "OB", {LittleEndian<uint32_t>({0, 20}), "aa", "bb", "cccc"}));
  PostPixels(image);
  const Answered frames =
      Get(kInstance + "/frames/1,2", "multipart/related; type=\"application/octet-stream\"; transfer-syntax=*");
  ASSERT_EQ(frames.parts.size(), 2U);
  EXPECT_EQ(frames.parts[0].second, "aabb");
  EXPECT_EQ(frames.parts[1].second, "cccc");
  EXPECT_EQ(frames.parts[0].first, "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.90");
  EXPECT_EQ(Get(kInstance + "/frames/2", "image/jp2").body, "cccc");
  EXPECT_EQ(Get(kInstance + "/frames/2").parts.at(0).first, "image/jp2; transfer-syntax=1.2.840.10008.1.2.4.90");
  EXPECT_EQ(Get(kInstance + "/bulkdata/7FE00010").parts.size(), 2U);
  const Answered refused = Get(kInstance + "/frames/1", "multipart/related; type=\"application/octet-stream\"");
  EXPECT_EQ(refused.status, 406);
  EXPECT_NE(refused.json["error"]["message"].as_string().find("1.2.840.10008.1.2.4.90"), std::string::npos);
}

TEST_F(DicomWeb, RetrievingNeedsAnAcceptThatTheStoredBytesFit) {
  DataSet image = Image(1, 2, 8, "1");
  image.push_back(Fragments(0x7FE00010, "OB", {"", "aabb"}));
  const std::string file = PostPixels(image);
  for (const char* accept : {"application/dicom; transfer-syntax=1.2.840.10008.1.2.4.90", "application/dicom; transfer-syntax=*",
                             "image/png, application/dicom;q=0.5"}) {
    EXPECT_EQ(Get(kInstance, accept).body, file) << accept;
  }
  for (const char* accept : {"", "*/*", "multipart/related", "multipart/related; type=\"application/dicom\"",
                             "multipart/related; type=application/dicom; transfer-syntax=*",
                             "multipart/related; type=\"application/dicom\"; transfer-syntax=1.2.840.10008.1.2.4.90"}) {
    const Answered answer = Get(kInstance, accept);
    ASSERT_EQ(answer.parts.size(), 1U) << accept;
    EXPECT_EQ(answer.parts[0].second, file) << accept;
  }
  for (const char* accept : {"application/dicom; transfer-syntax=1.2.840.10008.1.2.1", "image/jpeg", "application/dicom+json",
                             "multipart/related; type=\"image/jpeg\""}) {
    EXPECT_EQ(Get(kInstance, accept).status, 406) << accept;
  }
  EXPECT_EQ(Get("/studies/1.2.3", "application/dicom").status, 406) << "a study has many parts";
}

// ---- Names, deletion

TEST_F(DicomWeb, PathsThatNameNothingAreErrorsInJson) {
  ASSERT_EQ(Post({MakeInstance(Instance(1))}).status, 200);
  for (const char* target :
       {"/studies/9", "/studies/1.2.3/series/9", "/studies/1.2.3/series/1.2.3.1/instances/9", "/studies/9/metadata",
        "/studies/9/series/9/instances/9/metadata", "/studies/1.2.3/series/1.2.3.1/instances/9/frames/1", "/patients",
        "/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.1/nonsense"}) {
    const Answered answer = Get(target);
    EXPECT_EQ(answer.status, 404) << target;
    EXPECT_EQ(answer.json["error"]["code"].as_int(), 404) << target;
  }
  for (const char* target : {"/studies/..", "/studies/%2e%2e%2f%2e%2e", "/studies/a'b", "/studies/1..2",
                             "/studies/1.2.3/series/%00x", "/studies/1.2.3/series/1.2.3.1/instances/1;2"}) {
    const auto parsed = http::Target::Parse(kRoot + std::string(target));
    EXPECT_TRUE(!parsed.ok() || Get(target).status == 400) << target;
  }
  EXPECT_EQ(Send("PUT", "/studies/1.2.3").status, 405);
  EXPECT_EQ(Get(kInstance + "/frames/1").status, 404) << "no pixel data";
}

TEST_F(DicomWeb, ADeletedInstanceHasGone) {
  ASSERT_EQ(Post({MakeInstance(Instance(1)), MakeInstance(Instance(2))}).status, 200);
  const Answered deleted = Send("DELETE", kInstance);
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(deleted.json, Json::MakeObject());
  EXPECT_EQ(Send("DELETE", kInstance).status, 404);
  EXPECT_EQ(Get(kInstance).status, 404);
  EXPECT_EQ(Get("/instances").json.array().size(), 1U);
  EXPECT_EQ(Send("DELETE", "/studies/9").status, 404);
}

}  // namespace
}  // namespace dicomhouse::api
