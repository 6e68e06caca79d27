// The handlers of the Healthcare API, and what they share. Each: google.cloud.healthcare.v1, the method of that name.
#pragma once

#include <string>

#include "api/rest_method.h"
#include "store/catalog.h"
#include "store/names.h"
#include "transfer/operations.h"

namespace dicomhouse::api {

// ---- What requests name. Errors: kInvalidArgument: a part that can't be an id.
base::Result<store::DatasetName> DatasetNameOf(const RestCall& call);
base::Result<store::DicomStoreName> DicomStoreNameOf(const RestCall& call);
// pageSize and pageToken: 0 is the default, more than base::kMaxPageSize is that much. Errors: kInvalidArgument: negative.
base::Result<store::PageRequest> PageOf(const RestCall& call);

// ---- What is answered.
base::Json DatasetJson(const store::Dataset& dataset);
base::Json DicomStoreJson(const store::DicomStore& store);
base::Json OperationJson(const transfer::OperationState& state, const Services& services);
// What the beginning of an operation is answered with: its name only.
base::Json OperationNameJson(const transfer::OperationState& state);

base::Result<base::Json> GetLocation(const RestCall& call);
base::Result<base::Json> ListLocations(const RestCall& call);

base::Result<base::Json> CreateDataset(const RestCall& call);
base::Result<base::Json> GetDataset(const RestCall& call);
base::Result<base::Json> ListDatasets(const RestCall& call);
base::Result<base::Json> PatchDataset(const RestCall& call);
base::Result<base::Json> DeleteDataset(const RestCall& call);

base::Result<base::Json> CreateDicomStore(const RestCall& call);
base::Result<base::Json> GetDicomStore(const RestCall& call);
base::Result<base::Json> ListDicomStores(const RestCall& call);
base::Result<base::Json> PatchDicomStore(const RestCall& call);
base::Result<base::Json> DeleteDicomStore(const RestCall& call);
base::Result<base::Json> GetDicomStoreMetrics(const RestCall& call);
base::Result<base::Json> GetStudyMetrics(const RestCall& call);
base::Result<base::Json> GetSeriesMetrics(const RestCall& call);
base::Result<base::Json> GetStorageInfo(const RestCall& call);

base::Result<base::Json> ExportDicomData(const RestCall& call);
base::Result<base::Json> ImportDicomData(const RestCall& call);

base::Result<base::Json> GetOperation(const RestCall& call);
base::Result<base::Json> ListOperations(const RestCall& call);
base::Result<base::Json> CancelOperation(const RestCall& call);

// The policies of datasets and DICOM stores: kept and answered; nothing is refused by them.
base::Result<base::Json> GetIamPolicy(const RestCall& call);
base::Result<base::Json> SetIamPolicy(const RestCall& call);
base::Result<base::Json> TestIamPermissions(const RestCall& call);

}  // namespace dicomhouse::api
