#include "api/healthcare/shapes.h"

#include <array>
#include <string_view>

namespace dicomhouse::api {
namespace {

using Kind = JsonKind;

constexpr std::string_view kDispositions[] = {"WRITE_DISPOSITION_UNSPECIFIED", "WRITE_EMPTY", "WRITE_TRUNCATE", "WRITE_APPEND"};
constexpr std::string_view kStorageClasses[] = {"BLOB_STORAGE_CLASS_UNSPECIFIED", "STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"};
constexpr std::string_view kLogTypes[] = {"LOG_TYPE_UNSPECIFIED", "ADMIN_READ", "DATA_WRITE", "DATA_READ"};

constexpr JsonField Text(std::string_view name, std::string_view description) { return {name, Kind::kString, description}; }
constexpr JsonField Texts(std::string_view name, std::string_view description) {
  return {name, Kind::kString, description, nullptr, {}, true};
}
constexpr JsonField Bool(std::string_view name, std::string_view description) { return {name, Kind::kBool, description}; }
constexpr JsonField Count(std::string_view name, std::string_view description) { return {name, Kind::kInt64, description}; }
constexpr JsonField One(std::string_view name, const JsonShape& shape, std::string_view description) {
  return {name, Kind::kMessage, description, &shape};
}
constexpr JsonField Many(std::string_view name, const JsonShape& shape, std::string_view description) {
  return {name, Kind::kMessage, description, &shape, {}, true};
}

// ---- Datasets

constexpr JsonField kEncryptionSpecFields[] = {Text("kmsKeyName", "The key's resource name. Not supported by this server.")};
constexpr JsonShape kEncryptionSpecShape{"EncryptionSpec", kEncryptionSpecFields};

constexpr JsonField kDatasetFields[] = {
    Text("name", "Resource name: projects/P/locations/L/datasets/D."),
    Text("timeZone", "IANA name of the default time zone, or empty for UTC."),
    One("encryptionSpec", kEncryptionSpecShape, "Customer-managed encryption key."),
    {"satisfiesPzs", Kind::kBool, "Output only.", nullptr, {}, false, true},
    {"satisfiesPzi", Kind::kBool, "Output only.", nullptr, {}, false, true},
};

// ---- DICOM stores

constexpr JsonField kNotificationConfigFields[] = {
    Text("pubsubTopic", "projects/P/topics/T. Kept and answered; this server sends no notifications."),
    Bool("sendForBulkImport", "Whether imports send notifications."),
};
constexpr JsonShape kNotificationConfigShape{"NotificationConfig", kNotificationConfigFields};

constexpr JsonField kForce = Bool("force", "An existing table is replaced; ignored when writeDisposition is given.");
constexpr JsonField kTableUri = Text("tableUri", "bq://PROJECT.DATASET.TABLE, at most 2,000 characters.");
constexpr JsonField kWriteDisposition = {"writeDisposition", Kind::kEnum, "What happens to an existing table.", nullptr,
                                         kDispositions};
constexpr JsonField kBigQueryFields[] = {kTableUri, kForce, kWriteDisposition};
constexpr JsonShape kBigQueryShape{"GoogleCloudHealthcareV1DicomBigQueryDestination", kBigQueryFields};

constexpr JsonShape kChangeDataCaptureShape{"GoogleCloudHealthcareV1beta1DicomChangeDataCaptureConfig", {}};
constexpr JsonField kBigQueryBetaFields[] = {
    kTableUri, kForce, kWriteDisposition,
    One("changeDataCaptureConfig", kChangeDataCaptureShape, "Deletes and updates too. Not supported by this server.")};
constexpr JsonShape kBigQueryBetaShape{"GoogleCloudHealthcareV1beta1DicomBigQueryDestination", kBigQueryBetaFields};

constexpr JsonField kStreamConfigFields[] = {One("bigqueryDestination", kBigQueryShape, "The table that changes stream to.")};
constexpr JsonShape kStreamConfigShape{"GoogleCloudHealthcareV1DicomStreamConfig", kStreamConfigFields};
constexpr JsonField kStreamConfigBetaFields[] = {
    One("bigqueryDestination", kBigQueryBetaShape, "The table that changes stream to.")};
constexpr JsonShape kStreamConfigBetaShape{"GoogleCloudHealthcareV1beta1DicomStreamConfig", kStreamConfigBetaFields};

constexpr JsonField kStoreName = Text("name", "Resource name: projects/P/locations/L/datasets/D/dicomStores/S.");
constexpr JsonField kNotification = One("notificationConfig", kNotificationConfigShape, "Where to send notifications.");
constexpr JsonField kLabels = {"labels", Kind::kMap, "At most 64 labels of the user's."};
constexpr JsonField kDicomStoreFields[] = {kStoreName, kNotification, kLabels,
                                           Many("streamConfigs", kStreamConfigShape, "At most five.")};
constexpr JsonField kDicomStoreBetaFields[] = {kStoreName, kNotification, kLabels,
                                               Many("streamConfigs", kStreamConfigBetaShape, "At most five.")};

constexpr JsonField kMetricsFields[] = {
    Text("name", "The DICOM store."),
    Count("studyCount", "Studies in the store."),
    Count("seriesCount", "Series in the store."),
    Count("instanceCount", "Instances in the store."),
    Count("structuredStorageSizeBytes", "Bytes of headers and index."),
    Count("blobStorageSizeBytes", "Bytes of instances."),
};

constexpr JsonField kStudyMetricsFields[] = {
    Text("study", "The study."),
    Count("seriesCount", "Series in the study."),
    Count("instanceCount", "Instances in the study."),
    Count("structuredStorageSizeBytes", "Bytes of headers."),
    Count("blobStorageSizeBytes", "Bytes of instances."),
};
constexpr JsonField kSeriesMetricsFields[] = {
    Text("series", "The series."),
    Count("instanceCount", "Instances in the series."),
    Count("structuredStorageSizeBytes", "Bytes of headers."),
    Count("blobStorageSizeBytes", "Bytes of instances."),
};
constexpr JsonField kBlobInfoFields[] = {Count("sizeBytes", "Bytes of the instance.")};
constexpr JsonShape kBlobInfoShape{"BlobStorageInfo", kBlobInfoFields};
constexpr JsonField kStructuredInfoFields[] = {Count("sizeBytes", "Bytes of its header.")};
constexpr JsonShape kStructuredInfoShape{"StructuredStorageInfo", kStructuredInfoFields};
constexpr JsonField kStorageInfoFields[] = {
    Text("referencedResource", "The instance."),
    One("blobStorageInfo", kBlobInfoShape, "Its bytes."),
    One("structuredStorageInfo", kStructuredInfoShape, "Its header."),
};

// ---- Export and import

constexpr JsonField kGcsDestinationFields[] = {
    Text("uriPrefix", "gs://BUCKET[/PREFIX]"),
    Text("mimeType", "application/dicom; transfer-syntax=*, or none: instances are written as they are stored."),
};
constexpr JsonShape kGcsDestinationShape{"GoogleCloudHealthcareV1DicomGcsDestination", kGcsDestinationFields};
constexpr JsonShape kGcsDestinationBetaShape{"GoogleCloudHealthcareV1beta1DicomGcsDestination", kGcsDestinationFields};

constexpr JsonField kFilterConfigFields[] = {
    Text("resourcePathsGcsUri", "gs://BUCKET/OBJECT with lines /studies/UID[/series/UID[/instances/UID]].")};
constexpr JsonShape kFilterConfigShape{"DicomFilterConfig", kFilterConfigFields};

constexpr JsonField kExportFields[] = {
    One("gcsDestination", kGcsDestinationShape, "Instances as objects."),
    One("bigqueryDestination", kBigQueryShape, "Metadata as a table."),
    One("filterConfig", kFilterConfigShape, "Which instances."),
};
constexpr JsonField kExportBetaFields[] = {
    One("gcsDestination", kGcsDestinationBetaShape, "Instances as objects."),
    One("bigqueryDestination", kBigQueryBetaShape, "Metadata as a table."),
    One("filterConfig", kFilterConfigShape, "Which instances."),
};

constexpr JsonField kGcsSourceFields[] = {
    Text("uri", "gs://BUCKET/PATTERN with * and ?, or ** alone at the end or in front of an extension.")};
constexpr JsonShape kGcsSourceShape{"GoogleCloudHealthcareV1DicomGcsSource", kGcsSourceFields};
constexpr JsonField kBlobSettingsFields[] = {
    {"blobStorageClass", Kind::kEnum, "Kinds of storage are all one to this server.", nullptr, kStorageClasses}};
constexpr JsonShape kBlobSettingsShape{"BlobStorageSettings", kBlobSettingsFields};
constexpr JsonField kImportFields[] = {
    One("gcsSource", kGcsSourceShape, "What to import."),
    One("blobStorageSettings", kBlobSettingsShape, "How to store it."),
};

// ---- IAM (google.iam.v1)

constexpr JsonField kExprFields[] = {
    Text("expression", "Common Expression Language."),
    Text("title", "A title."),
    Text("description", "A description."),
    Text("location", "Where the expression is from."),
};
constexpr JsonShape kExprShape{"Expr", kExprFields};
constexpr JsonField kBindingFields[] = {
    Text("role", "roles/..."),
    Texts("members", "Who has the role: user:..., serviceAccount:..., group:..., domain:..., allUsers."),
    One("condition", kExprShape, "When."),
};
constexpr JsonShape kBindingShape{"Binding", kBindingFields};
constexpr JsonField kAuditLogConfigFields[] = {
    {"logType", Kind::kEnum, "What is logged.", nullptr, kLogTypes},
    Texts("exemptedMembers", "Whose calls are not logged."),
};
constexpr JsonShape kAuditLogConfigShape{"AuditLogConfig", kAuditLogConfigFields};
constexpr JsonField kAuditConfigFields[] = {
    Text("service", "The service."),
    Many("auditLogConfigs", kAuditLogConfigShape, "What is logged."),
};
constexpr JsonShape kAuditConfigShape{"AuditConfig", kAuditConfigFields};
constexpr JsonField kPolicyFields[] = {
    {"version", Kind::kInt32, "0, 1 or 3."},
    Many("bindings", kBindingShape, "Who has which role."),
    Many("auditConfigs", kAuditConfigShape, "What is logged."),
    {"etag", Kind::kBytes, "Of the policy that was read."},
};
constexpr JsonField kTestFields[] = {Texts("permissions", "healthcare.datasets.get and the like.")};

// ---- Operations (google.longrunning) and metadata

constexpr JsonField kStatusFields[] = {
    {"code", Kind::kInt32, "google.rpc.Code."},
    Text("message", "What went wrong."),
    {"details", Kind::kAny, "Not used.", nullptr, {}, true},
};
constexpr JsonShape kStatusShape{"Status", kStatusFields};
constexpr JsonField kOperationFields[] = {
    Text("name", "projects/P/locations/L/datasets/D/operations/ID"),
    {"metadata", Kind::kAny, "OperationMetadata."},
    Bool("done", "Whether it has ended."),
    One("error", kStatusShape, "Of one that failed."),
    {"response", Kind::kAny, "Of one that succeeded."},
};
constexpr JsonField kCounterFields[] = {
    Count("success", "Instances that are done."),
    Count("failure", "Instances that failed."),
    Count("pending", "Instances that are to be done."),
};
constexpr JsonShape kCounterShape{"ProgressCounter", kCounterFields};
constexpr JsonField kOperationMetadataFields[] = {
    Text("apiMethodName", "The method that began it."), {"createTime", Kind::kTimestamp, "When it began."},
    {"endTime", Kind::kTimestamp, "When it ended."},    Bool("cancelRequested", "Whether somebody cancelled it."),
    One("counter", kCounterShape, "How far it is."),    Text("logsUrl", "Its log."),
};

// ---- Locations and lists

constexpr JsonField kLocationFields[] = {
    Text("name", "projects/P/locations/L"), Text("locationId", "L"),
    Text("displayName", "Not used."),       {"labels", Kind::kMap, "Not used."},
    {"metadata", Kind::kAny, "Not used."},
};
constexpr JsonField kNext = Text("nextPageToken", "Of the next page; absent at the end.");
constexpr JsonField kListLocationsFields[] = {Many("locations", kLocationShape, "Those with a dataset."), kNext};
constexpr JsonField kListDatasetsFields[] = {Many("datasets", kDatasetShape, "Ordered by name."), kNext};
constexpr JsonField kListDicomStoresFields[] = {Many("dicomStores", kDicomStoreShape, "Ordered by name."), kNext};
constexpr JsonField kListOperationsFields[] = {Many("operations", kOperationShape, "Newest first."), kNext};

constexpr JsonField kHttpBodyFields[] = {
    Text("contentType", "The media type."),
    {"data", Kind::kBytes, "The bytes."},
    {"extensions", Kind::kAny, "Not used.", nullptr, {}, true},
};

constexpr JsonField kSetPolicyFields[] = {
    One("policy", kPolicyShape, "The whole policy."),
    {"updateMask", Kind::kFieldMask, "Fields of the policy to change; bindings and etag when there is none."},
};

}  // namespace

const JsonShape kDatasetShape{"Dataset", kDatasetFields};
const JsonShape kDicomStoreShape{"DicomStore", kDicomStoreFields};
const JsonShape kDicomStoreBetaShape{"DicomStore", kDicomStoreBetaFields};
const JsonShape kExportRequestShape{"ExportDicomDataRequest", kExportFields};
const JsonShape kExportRequestBetaShape{"ExportDicomDataRequest", kExportBetaFields};
const JsonShape kImportRequestShape{"ImportDicomDataRequest", kImportFields};
const JsonShape kPolicyShape{"Policy", kPolicyFields};
const JsonShape kSetIamPolicyRequestShape{"SetIamPolicyRequest", kSetPolicyFields};
const JsonShape kTestIamPermissionsRequestShape{"TestIamPermissionsRequest", kTestFields};
const JsonShape kTestIamPermissionsResponseShape{"TestIamPermissionsResponse", kTestFields};
const JsonShape kOperationShape{"Operation", kOperationFields};
const JsonShape kDicomStoreMetricsShape{"DicomStoreMetrics", kMetricsFields};
const JsonShape kStudyMetricsShape{"StudyMetrics", kStudyMetricsFields};
const JsonShape kSeriesMetricsShape{"SeriesMetrics", kSeriesMetricsFields};
const JsonShape kStorageInfoShape{"StorageInfo", kStorageInfoFields};
const JsonShape kLocationShape{"Location", kLocationFields};
const JsonShape kListLocationsShape{"ListLocationsResponse", kListLocationsFields};
const JsonShape kListDatasetsShape{"ListDatasetsResponse", kListDatasetsFields};
const JsonShape kListDicomStoresShape{"ListDicomStoresResponse", kListDicomStoresFields};
const JsonShape kListOperationsShape{"ListOperationsResponse", kListOperationsFields};
const JsonShape kEmptyShape{"Empty", {}};
const JsonShape kCancelOperationRequestShape{"CancelOperationRequest", {}};
const JsonShape kHttpBodyShape{"HttpBody", kHttpBodyFields};
const JsonShape kOperationMetadataShape{"OperationMetadata", kOperationMetadataFields};

std::span<const JsonShape* const> ExtraShapes() {
  static constexpr std::array<const JsonShape*, 1> kShapes = {&kOperationMetadataShape};
  return kShapes;
}

}  // namespace dicomhouse::api
