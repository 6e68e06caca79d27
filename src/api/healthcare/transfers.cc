// Export and import: requests become operations.
#include <algorithm>
#include <utility>

#include "api/healthcare/calls.h"
#include "http/message.h"
#include "warehouse/warehouse.h"

namespace dicomhouse::api {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;
using base::Result;
using base::Status;

transfer::Operations::Description Describe(const RestCall& call, const store::DicomStoreName& store, const std::string& method,
                                           const std::string& log) {
  transfer::Operations::Description description;
  description.dataset = store.dataset;
  description.dicom_store = store;
  description.method = "google.cloud.healthcare." + std::string(call.version) + ".dicom.DicomService." + method;
  description.api_version = call.version;
  description.log = "healthcare.googleapis.com/" + log;
  return description;
}

// The page, A2: when writeDisposition is given, force is ignored.
warehouse::Disposition DispositionOf(const Json& destination) {
  using warehouse::Disposition;
  const std::string& disposition = destination["writeDisposition"].as_string();
  if (disposition == "WRITE_EMPTY") return Disposition::kEmpty;
  if (disposition == "WRITE_TRUNCATE") return Disposition::kTruncate;
  if (disposition == "WRITE_APPEND") return Disposition::kAppend;
  return destination["force"].as_bool() ? Disposition::kTruncate : Disposition::kCreate;
}

// A gs:// URI of a field. Errors carry the field's name.
Result<store::ObjectUri> UriOf(const std::string& field, const std::string& text, bool needs_object) {
  auto uri = store::ObjectUri::Parse(text);
  if (!uri.ok()) return Error{uri.error().code, field + ": " + uri.error().message};
  if (needs_object && uri->object.empty()) return Error{ErrorCode::kInvalidArgument, field + ": " + text + " names no object"};
  return uri;
}

Result<transfer::StoreExport> ExportOf(const RestCall& call, const store::DicomStore& store) {
  transfer::StoreExport what{store, ""};
  const Json* const filter = call.body.find("filterConfig");
  if (filter == nullptr) return what;
  what.filter_uri = (*filter)["resourcePathsGcsUri"].as_string();
  if (what.filter_uri.empty()) {
    return Error{ErrorCode::kInvalidArgument, "filterConfig.resourcePathsGcsUri is missing: gs://BUCKET/OBJECT"};
  }
  DH_ASSIGN(const store::ObjectUri uri, UriOf("filterConfig.resourcePathsGcsUri", what.filter_uri, true));
  return what;
}

Result<transfer::OperationState> BeginTableExport(const RestCall& call, transfer::StoreExport what) {
  const Json& destination = call.body["bigqueryDestination"];
  if (destination.find("changeDataCaptureConfig") != nullptr) {
    return Error{ErrorCode::kInvalidArgument, "bigqueryDestination.changeDataCaptureConfig: this server does not implement it"};
  }
  auto table = warehouse::TableName::FromUri(destination["tableUri"].as_string());
  if (!table.ok()) return Error{table.error().code, "bigqueryDestination.tableUri: " + table.error().message};
  const auto description = Describe(call, what.dicom_store.name, "ExportDicomData_bq", "export_dicom");
  const Services& services = call.services;
  return services.operations->Begin(
      description, transfer::ExportToTable(*services.store, *services.warehouse, std::move(what), *std::move(table),
                                           DispositionOf(destination), services.export_threads));
}

// DicomGcsDestination.mimeType: instances are written as they are stored. Frames by themselves (application/octet-stream,
// image/*) are not instances.
Status CheckMimeType(const std::string& mime_type) {
  if (mime_type.empty()) return {};
  const auto media = http::ParseMediaType(mime_type);
  const std::string_view syntax = media ? media->Parameter("transfer-syntax") : std::string_view();
  if (media && media->Essence() == "application/dicom" && (syntax.empty() || syntax == "*")) return {};
  return Error{ErrorCode::kInvalidArgument, "gcsDestination.mimeType " + Json(mime_type).Print() +
                                                ": this server writes instances as they are stored and does not transcode; "
                                                "give none or application/dicom; transfer-syntax=*"};
}

Result<transfer::OperationState> BeginObjectExport(const RestCall& call, transfer::StoreExport what) {
  const Json& destination = call.body["gcsDestination"];
  DH_ASSIGN(store::ObjectUri prefix, UriOf("gcsDestination.uriPrefix", destination["uriPrefix"].as_string(), false));
  DH_CHECK(CheckMimeType(destination["mimeType"].as_string()));
  const auto description = Describe(call, what.dicom_store.name, "ExportDicomData_gcs", "export_dicom");
  return call.services.operations->Begin(description,
                                         transfer::ExportToObjects(*call.services.store, std::move(what), std::move(prefix)));
}

}  // namespace

Result<Json> ExportDicomData(const RestCall& call) {
  DH_ASSIGN(const store::DicomStoreName name, DicomStoreNameOf(call));
  DH_ASSIGN(const store::DicomStore store, call.services.store->catalog().GetDicomStore(name));
  const bool to_table = call.body.find("bigqueryDestination") != nullptr;
  if (to_table == (call.body.find("gcsDestination") != nullptr)) {
    return Error{ErrorCode::kInvalidArgument, to_table
                                                  ? "bigqueryDestination and gcsDestination exclude each other; give one of them"
                                                  : "The destination is missing; give bigqueryDestination or gcsDestination"};
  }
  DH_ASSIGN(transfer::StoreExport what, ExportOf(call, store));
  DH_ASSIGN(const transfer::OperationState state,
            to_table ? BeginTableExport(call, std::move(what)) : BeginObjectExport(call, std::move(what)));
  return OperationNameJson(state);
}

Result<Json> ImportDicomData(const RestCall& call) {
  DH_ASSIGN(const store::DicomStoreName name, DicomStoreNameOf(call));
  DH_ASSIGN(const store::DicomStore store, call.services.store->catalog().GetDicomStore(name));
  const std::string& uri_text = call.body["gcsSource"]["uri"].as_string();
  if (uri_text.empty()) return Error{ErrorCode::kInvalidArgument, "gcsSource.uri is missing: gs://BUCKET/PATTERN"};
  DH_ASSIGN(store::ObjectUri uri, UriOf("gcsSource.uri", uri_text, true));
  auto pattern = store::ObjectPattern::MakeForImport(uri.object);
  if (!pattern.ok()) return Error{pattern.error().code, "gcsSource.uri: " + pattern.error().message};
  DH_ASSIGN(const transfer::OperationState state,
            call.services.operations->Begin(
                Describe(call, name, "ImportDicomData", "import_dicom"),
                transfer::ImportFromObjects(*call.services.store, store, std::move(uri), call.services.export_threads)));
  return OperationNameJson(state);
}

}  // namespace dicomhouse::api
