#include "cli/serve_settings.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

namespace dicomhouse::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ServeSettingsTest : public ::testing::Test {
 protected:
  ServeSettingsTest() { std::filesystem::create_directories(folder_); }
  ~ServeSettingsTest() override { std::filesystem::remove_all(folder_); }

  std::string File(const std::string& name, const std::string& text) {
    const std::string path = (folder_ / name).string();
    std::ofstream(path) << text;
    return path;
  }
  base::Result<ServeSettings> Load(const std::string& config = "") {
    ServeSettings defaults;
    defaults.data = "/data";
    const auto look = [](const std::map<std::string, std::string>& values) {
      return [&values](std::string_view key) {
        const auto found = values.find(std::string(key));
        return found == values.end() ? std::nullopt : std::optional(found->second);
      };
    };
    return LoadServeSettings(config, look(flags_), look(variables_), defaults);
  }
  std::string ErrorOf(const std::string& config = "") {
    const auto settings = Load(config);
    return settings.ok() ? "" : settings.error().message;
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() /
      ("serve_settings." + std::to_string(::getpid()) + ::testing::UnitTest::GetInstance()->current_test_info()->name());
  std::map<std::string, std::string> flags_;
  std::map<std::string, std::string> variables_;
};

TEST_F(ServeSettingsTest, FlagsWinOverVariablesAndTheseOverTheFile) {
  const std::string config = File("a.toml", "port = 1\nthreads = 3\nlog = \"json\"\ndata = \"/file\"\n");
  variables_ = {{"DICOMHOUSE_PORT", "2"}, {"DICOMHOUSE_THREADS", "4"}};
  flags_ = {{"port", "5"}};
  const auto settings = Load(config);
  ASSERT_TRUE(settings.ok()) << settings.error().message;
  EXPECT_EQ(settings->port, 5);
  EXPECT_EQ(settings->threads, 4);
  EXPECT_EQ(settings->log, "json");
  EXPECT_EQ(settings->data, "/file");
  EXPECT_EQ(settings->listen, "127.0.0.1");
}

TEST_F(ServeSettingsTest, FaultsOfTheFileHaveLineAndColumn) {
  EXPECT_THAT(ErrorOf(File("a.toml", "port = 1\nprot = 2\n")),
              HasSubstr("a.toml:2:1: there is no setting 'prot'; did you mean port?"));
  EXPECT_THAT(ErrorOf(File("a.toml", "\nport = [1]\n")), HasSubstr("a.toml:2:8: port must be"));
  EXPECT_THAT(ErrorOf(File("a.toml", "port = \n")), HasSubstr("a.toml:1:"));
  EXPECT_THAT(ErrorOf(File("a.toml", "port = 70000\n")), HasSubstr("a.toml:1:8: port: '70000' is not a number from 0 to 65535"));
  EXPECT_THAT(ErrorOf("/nowhere/x.toml"), HasSubstr("/nowhere/x.toml"));
}

TEST_F(ServeSettingsTest, OtherMachinesComeInOnlyWithTokensAndTls) {
  flags_ = {{"listen", "0.0.0.0"}};
  EXPECT_THAT(ErrorOf(), HasSubstr("--token-file, --tls-certificate and --tls-key"));
  flags_["token_file"] = File("tokens", "# ours\nsecret\r\n\nother\n");
  EXPECT_THAT(ErrorOf(), HasSubstr("--tls-certificate"));
  flags_["tls_key"] = "k";
  EXPECT_THAT(ErrorOf(), HasSubstr("both"));
  flags_["tls_certificate"] = "c";
  const auto settings = Load();
  ASSERT_TRUE(settings.ok()) << settings.error().message;
  EXPECT_THAT(settings->tokens, ElementsAre("secret", "other"));
  for (const char* address : {"::", "192.168.1.5", "example.com", "::ffff:10.0.0.1"}) {
    flags_ = {{"listen", address}};
    EXPECT_NE(ErrorOf(), "") << address;
  }
  for (const char* address : {"127.0.0.1", "127.1.2.3", "::1", "localhost"}) {
    flags_ = {{"listen", address}};
    EXPECT_EQ(ErrorOf(), "") << address;
  }
}

TEST_F(ServeSettingsTest, ThePublicUrlIsOneThatLinksCanBeginWith) {
  flags_ = {{"public_url", "https://house.example/dicom"}};
  EXPECT_EQ(ErrorOf(), "");
  for (const char* url : {"house.example", "https://house.example/", "ftp://house.example"}) {
    flags_ = {{"public_url", url}};
    EXPECT_THAT(ErrorOf(), HasSubstr("must begin with http:// or https://")) << url;
  }
}

TEST_F(ServeSettingsTest, ATokenFileWithoutATokenIsRefused) {
  flags_ = {{"token_file", File("tokens", "# none\n\n")}};
  EXPECT_THAT(ErrorOf(), HasSubstr("there is no token in it"));
}

}  // namespace
}  // namespace dicomhouse::cli
