// The messages of google.cloud.healthcare.v1 and v1beta1 that this server knows. Both versions share most of them.
#pragma once

#include <span>

#include "api/json_shape.h"

namespace dicomhouse::api {

extern const JsonShape kDatasetShape;
extern const JsonShape kDicomStoreShape;
extern const JsonShape kDicomStoreBetaShape;
extern const JsonShape kExportRequestShape;
extern const JsonShape kExportRequestBetaShape;
extern const JsonShape kImportRequestShape;
extern const JsonShape kPolicyShape;
extern const JsonShape kSetIamPolicyRequestShape;
extern const JsonShape kTestIamPermissionsRequestShape;
extern const JsonShape kTestIamPermissionsResponseShape;
extern const JsonShape kOperationShape;
extern const JsonShape kDicomStoreMetricsShape;
extern const JsonShape kStudyMetricsShape;
extern const JsonShape kSeriesMetricsShape;
extern const JsonShape kStorageInfoShape;
extern const JsonShape kLocationShape;
extern const JsonShape kListLocationsShape;
extern const JsonShape kListDatasetsShape;
extern const JsonShape kListDicomStoresShape;
extern const JsonShape kListOperationsShape;
extern const JsonShape kEmptyShape;
extern const JsonShape kCancelOperationRequestShape;
extern const JsonShape kHttpBodyShape;
extern const JsonShape kOperationMetadataShape;

// What the description lists beyond the messages that its methods name.
std::span<const JsonShape* const> ExtraShapes();

}  // namespace dicomhouse::api
