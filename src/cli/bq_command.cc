// `dicomhouse bq extract`: a table of the warehouse to an object, so that the result of a query becomes a filter file.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/unnamed_file.h"
#include "cli/command.h"
#include "cli/storage_client.h"
#include "query/query.h"

namespace dicomhouse::cli {
namespace {

using base::Error;
using base::ErrorCode;

struct ExtractFlags {
  Server server;
  std::string table;
  std::string uri;
  std::string format = "CSV";
  bool no_header = false;
};

base::Result<int> Extract(const ExtractFlags& flags, const Common& common) {
  std::string text = flags.table;  // PROJECT:DATASET.TABLE is bq's form
  if (!text.starts_with("bq://")) {
    if (const size_t colon = text.find(':'); colon != std::string::npos) text[colon] = '.';
  }
  DH_ASSIGN(const warehouse::TableName table, warehouse::TableName::Parse(text, {flags.server.project, common.dataset, ""}));
  DH_ASSIGN(const store::ObjectUri to, store::ObjectUri::Parse(flags.uri));
  if (to.object.empty()) return Error{ErrorCode::kInvalidArgument, flags.uri + ": name the object too"};
  if (flags.uri.find('*') != std::string::npos)
    return Error{ErrorCode::kUnsupported, flags.uri + ": one object is written; leave the * out"};
  DH_ASSIGN(const base::UnnamedFile spool, base::UnnamedFile::Make());
  query::Options options;
  options.format = flags.format == "CSV" ? query::Format::kCsv : query::Format::kJsonLines;
  bool in_header = flags.no_header && options.format == query::Format::kCsv;
  const auto write = [&](std::string_view piece) -> base::Status {
    if (in_header) {  // names of columns have no line ends
      const size_t end = piece.find('\n');
      in_header = end == std::string_view::npos;
      piece.remove_prefix(in_header ? piece.size() : end + 1);
    }
    return spool.Write(piece);
  };
  DH_CHECK(query::Run(warehouse::Warehouse(common.warehouse), "SELECT * FROM `" + table.Text() + "`", options, write));
  DH_ASSIGN(ApiClient api, ApiClient::Make(flags.server));
  DescriptorBody body(spool.Rewound());
  DH_ASSIGN(const base::Json object, StorageClient(api).Upload(body, to));
  std::fprintf(stderr, "%s: %s bytes written to %s\n", table.Text().c_str(), object["size"].as_string().c_str(),
               to.Text().c_str());
  return kDone;
}

}  // namespace

void AddBq(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<ExtractFlags>();
  CLI::App* bq = app.add_subcommand("bq", "Tables to objects, with the words of bq");
  bq->require_subcommand(1);
  bq->footer("Example:\n  dicomhouse bq extract --noprint_header wanted gs://my-bucket/filter.txt");
  CLI::App* extract = bq->add_subcommand("extract", "Write a table into an object of a server");
  extract->footer(
      "Examples:\n"
      "  dicomhouse query \"SELECT CONCAT('/studies/', StudyInstanceUID) FROM metadata WHERE Modality = 'MR'\" "
      "--destination-table wanted\n"
      "  dicomhouse bq extract --noprint_header wanted gs://my-bucket/filter.txt\n"
      "  dicomhouse bq extract --destination_format NEWLINE_DELIMITED_JSON local:dicom.metadata gs://my-bucket/metadata.json");
  extract->add_option("TABLE", flags->table, "The table: [[PROJECT:]DATASET.]TABLE")->required();
  extract->add_option("URI", flags->uri, "The object: gs://BUCKET/FILE")->required();
  extract->add_option("--destination_format,--destination-format", flags->format, "CSV or NEWLINE_DELIMITED_JSON")
      ->check(CLI::IsMember({"CSV", "NEWLINE_DELIMITED_JSON"}))
      ->capture_default_str();
  extract->add_flag("--noprint_header,--noprint-header,!--print_header", flags->no_header, "CSV without the line of names");
  extract->add_option("--warehouse", common.warehouse, "Folder of the tables (or the variable DICOMHOUSE_WAREHOUSE)")
      ->type_name("DIR")
      ->capture_default_str();
  extract->add_option("--dataset", common.dataset, "Dataset of table names that have none")->capture_default_str();
  AddServerFlags(*extract, flags->server);
  extract->callback([flags, &common, &run] {
    run = [flags, &common] {
      const auto code = Extract(*flags, common);
      return code.ok() ? *code : Complain(code.error());
    };
  });
}

}  // namespace dicomhouse::cli
