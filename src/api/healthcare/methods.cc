#include "api/healthcare/methods.h"

#include <algorithm>
#include <array>

#include "api/healthcare/calls.h"
#include "api/healthcare/shapes.h"

namespace dicomhouse::api {
namespace {

using Kind = JsonKind;

#define DH_PROJECT "projects/{projectsId}"
#define DH_LOCATION DH_PROJECT "/locations/{locationsId}"
#define DH_DATASET DH_LOCATION "/datasets/{datasetsId}"
#define DH_STORE DH_DATASET "/dicomStores/{dicomStoresId}"
#define DH_OPERATION DH_DATASET "/operations/{operationsId}"
#define DH_WEB DH_STORE "/dicomWeb"
#define DH_STUDY DH_WEB "/studies/{studiesId}"
#define DH_SERIES DH_STUDY "/series/{seriesId}"
#define DH_INSTANCE DH_SERIES "/instances/{instancesId}"
#define DH_FRAMES DH_INSTANCE "/frames/{framesId}"

constexpr RestParameter kPageSize{"pageSize", Kind::kInt32, "Items of a page, at most 1,000; 100 when there is none."};
constexpr RestParameter kPageToken{"pageToken", Kind::kString, "nextPageToken of the page before."};
constexpr RestParameter kUpdateMask{"updateMask", Kind::kFieldMask, "The fields to change."};

constexpr RestParameter kPages[] = {kPageSize, kPageToken};
constexpr RestParameter kFilteredPages[] = {{"filter", Kind::kString, "Which items."}, kPageSize, kPageToken};
constexpr RestParameter kLocationPages[] = {
    {"filter", Kind::kString, "Not used."}, kPageSize, kPageToken, {"extraLocationTypes", Kind::kString, "Not used."}};
constexpr RestParameter kMask[] = {kUpdateMask};
constexpr RestParameter kDatasetId[] = {{"datasetId", Kind::kString, "The id of the dataset to be: 1 to 256 characters."}};
constexpr RestParameter kStoreId[] = {{"dicomStoreId", Kind::kString, "The id of the store to be: 1 to 256 characters."}};
constexpr RestParameter kPolicyVersion[] = {{"options.requestedPolicyVersion", Kind::kInt32, "0, 1 or 3."}};
constexpr RestParameter kViewport[] = {{"viewport", Kind::kString, "Not used."}};

constexpr const char* kName = "name";
constexpr const char* kParent = "parent";
constexpr const char* kResource = "resource";

#define DH_ID "projects.locations.datasets"

constexpr std::array kResourceMethods = {
    RestMethod{"projects.locations.get", "GET", DH_LOCATION, "", kName, {}, nullptr, &kLocationShape, GetLocation, "A location."},
    RestMethod{"projects.locations.list", "GET", DH_PROJECT "/locations", "/locations", kName, kLocationPages, nullptr,
               &kListLocationsShape, ListLocations, "The locations that have a dataset."},

    RestMethod{DH_ID ".create", "POST", DH_LOCATION "/datasets", "/datasets", kParent, kDatasetId, &kDatasetShape,
               &kOperationShape, CreateDataset, "Makes a dataset; the operation has ended when this returns."},
    RestMethod{DH_ID ".get", "GET", DH_DATASET, "", kName, {}, nullptr, &kDatasetShape, GetDataset, "A dataset."},
    RestMethod{DH_ID ".list", "GET", DH_LOCATION "/datasets", "/datasets", kParent, kPages, nullptr, &kListDatasetsShape,
               ListDatasets, "The datasets of a location."},
    RestMethod{DH_ID ".patch", "PATCH", DH_DATASET, "", kName, kMask, &kDatasetShape, &kDatasetShape, PatchDataset,
               "Changes a dataset."},
    RestMethod{DH_ID ".delete",
               "DELETE",
               DH_DATASET,
               "",
               kName,
               {},
               nullptr,
               &kEmptyShape,
               DeleteDataset,
               "Deletes a dataset and all that is in it."},
    RestMethod{DH_ID ".getIamPolicy", "GET", DH_DATASET ":getIamPolicy", ":getIamPolicy", kResource, kPolicyVersion, nullptr,
               &kPolicyShape, GetIamPolicy, "The policy of a dataset."},
    RestMethod{DH_ID ".setIamPolicy",
               "POST",
               DH_DATASET ":setIamPolicy",
               ":setIamPolicy",
               kResource,
               {},
               &kSetIamPolicyRequestShape,
               &kPolicyShape,
               SetIamPolicy,
               "Sets it."},
    RestMethod{DH_ID ".testIamPermissions",
               "POST",
               DH_DATASET ":testIamPermissions",
               ":testIamPermissions",
               kResource,
               {},
               &kTestIamPermissionsRequestShape,
               &kTestIamPermissionsResponseShape,
               TestIamPermissions,
               "Those of some permissions that the caller has."},
    RestMethod{DH_ID ".deidentify",
               "POST",
               DH_DATASET ":deidentify",
               ":deidentify",
               "sourceDataset",
               {},
               nullptr,
               &kOperationShape,
               NotImplemented,
               "Not implemented by this server."},

    RestMethod{DH_ID ".dicomStores.create", "POST", DH_DATASET "/dicomStores", "/dicomStores", kParent, kStoreId,
               &kDicomStoreShape, &kDicomStoreShape, CreateDicomStore, "Makes a DICOM store."},
    RestMethod{
        DH_ID ".dicomStores.get", "GET", DH_STORE, "", kName, {}, nullptr, &kDicomStoreShape, GetDicomStore, "A DICOM store."},
    RestMethod{DH_ID ".dicomStores.list", "GET", DH_DATASET "/dicomStores", "/dicomStores", kParent, kFilteredPages, nullptr,
               &kListDicomStoresShape, ListDicomStores, "The DICOM stores of a dataset; filter: labels.KEY=VALUE."},
    RestMethod{DH_ID ".dicomStores.patch", "PATCH", DH_STORE, "", kName, kMask, &kDicomStoreShape, &kDicomStoreShape,
               PatchDicomStore, "Changes a DICOM store."},
    RestMethod{DH_ID ".dicomStores.delete",
               "DELETE",
               DH_STORE,
               "",
               kName,
               {},
               nullptr,
               &kEmptyShape,
               DeleteDicomStore,
               "Deletes a DICOM store and all that is in it."},
    RestMethod{DH_ID ".dicomStores.getDICOMStoreMetrics",
               "GET",
               DH_STORE ":getDICOMStoreMetrics",
               ":getDICOMStoreMetrics",
               kName,
               {},
               nullptr,
               &kDicomStoreMetricsShape,
               GetDicomStoreMetrics,
               "How much is in a DICOM store."},
    RestMethod{DH_ID ".dicomStores.dicomWeb.studies.getStudyMetrics",
               "GET",
               DH_STUDY ":getStudyMetrics",
               ":getStudyMetrics",
               "study",
               {},
               nullptr,
               &kStudyMetricsShape,
               GetStudyMetrics,
               "How much is in a study."},
    RestMethod{DH_ID ".dicomStores.dicomWeb.studies.series.getSeriesMetrics",
               "GET",
               DH_SERIES ":getSeriesMetrics",
               ":getSeriesMetrics",
               "series",
               {},
               nullptr,
               &kSeriesMetricsShape,
               GetSeriesMetrics,
               "How much is in a series."},
    RestMethod{DH_ID ".dicomStores.dicomWeb.studies.series.instances.getStorageInfo",
               "GET",
               DH_INSTANCE ":getStorageInfo",
               ":getStorageInfo",
               kResource,
               {},
               nullptr,
               &kStorageInfoShape,
               GetStorageInfo,
               "How much an instance is."},
    RestMethod{DH_ID ".dicomStores.export",
               "POST",
               DH_STORE ":export",
               ":export",
               kName,
               {},
               &kExportRequestShape,
               &kOperationShape,
               ExportDicomData,
               "Exports metadata to a table, or instances to objects."},
    RestMethod{DH_ID ".dicomStores.import",
               "POST",
               DH_STORE ":import",
               ":import",
               kName,
               {},
               &kImportRequestShape,
               &kOperationShape,
               ImportDicomData,
               "Imports instances from objects."},
    RestMethod{DH_ID ".dicomStores.deidentify",
               "POST",
               DH_STORE ":deidentify",
               ":deidentify",
               "sourceStore",
               {},
               nullptr,
               &kOperationShape,
               NotImplemented,
               "Not implemented by this server."},
    RestMethod{DH_ID ".dicomStores.setBlobStorageSettings",
               "POST",
               DH_STORE ":setBlobStorageSettings",
               ":setBlobStorageSettings",
               kResource,
               {},
               nullptr,
               &kOperationShape,
               NotImplemented,
               "Not implemented by this server."},
    RestMethod{DH_ID ".dicomStores.getIamPolicy", "GET", DH_STORE ":getIamPolicy", ":getIamPolicy", kResource, kPolicyVersion,
               nullptr, &kPolicyShape, GetIamPolicy, "The policy of a DICOM store."},
    RestMethod{DH_ID ".dicomStores.setIamPolicy",
               "POST",
               DH_STORE ":setIamPolicy",
               ":setIamPolicy",
               kResource,
               {},
               &kSetIamPolicyRequestShape,
               &kPolicyShape,
               SetIamPolicy,
               "Sets it."},
    RestMethod{DH_ID ".dicomStores.testIamPermissions",
               "POST",
               DH_STORE ":testIamPermissions",
               ":testIamPermissions",
               kResource,
               {},
               &kTestIamPermissionsRequestShape,
               &kTestIamPermissionsResponseShape,
               TestIamPermissions,
               "Those of some permissions that the caller has."},

    RestMethod{DH_ID ".operations.get",
               "GET",
               DH_OPERATION,
               "",
               kName,
               {},
               nullptr,
               &kOperationShape,
               GetOperation,
               "An operation as it is now."},
    RestMethod{DH_ID ".operations.list", "GET", DH_DATASET "/operations", "/operations", kName, kFilteredPages, nullptr,
               &kListOperationsShape, ListOperations, "The operations of a dataset, newest first."},
    RestMethod{DH_ID ".operations.cancel",
               "POST",
               DH_OPERATION ":cancel",
               ":cancel",
               kName,
               {},
               &kCancelOperationRequestShape,
               &kEmptyShape,
               CancelOperation,
               "Asks an operation to end."},
};

// A method of DICOMweb, which has no JSON messages of ours: what follows "/dicomWeb" is one parameter.
constexpr RestMethod Web(std::string_view id, std::string_view http, std::string_view path, std::string_view suffix,
                         const JsonShape* request = nullptr) {
  return {id, http, path, suffix, kParent, {}, request, &kHttpBodyShape, nullptr, "DICOMweb (PS3.18)."};
}

constexpr std::array kWebMethods = {
    Web(DH_ID ".dicomStores.searchForStudies", "GET", DH_WEB "/studies", "/dicomWeb/studies"),
    Web(DH_ID ".dicomStores.searchForSeries", "GET", DH_WEB "/series", "/dicomWeb/series"),
    Web(DH_ID ".dicomStores.searchForInstances", "GET", DH_WEB "/instances", "/dicomWeb/instances"),
    Web(DH_ID ".dicomStores.storeInstances", "POST", DH_WEB "/studies", "/dicomWeb/studies", &kHttpBodyShape),
    Web(DH_ID ".dicomStores.studies.storeInstances", "POST", DH_STUDY, "/dicomWeb/studies/{studiesId}", &kHttpBodyShape),
    Web(DH_ID ".dicomStores.studies.retrieveStudy", "GET", DH_STUDY, "/dicomWeb/studies/{studiesId}"),
    Web(DH_ID ".dicomStores.studies.retrieveMetadata", "GET", DH_STUDY "/metadata", "/dicomWeb/studies/{studiesId}/metadata"),
    Web(DH_ID ".dicomStores.studies.searchForSeries", "GET", DH_STUDY "/series", "/dicomWeb/studies/{studiesId}/series"),
    Web(DH_ID ".dicomStores.studies.searchForInstances", "GET", DH_STUDY "/instances", "/dicomWeb/studies/{studiesId}/instances"),
    Web(DH_ID ".dicomStores.studies.delete", "DELETE", DH_STUDY, "/dicomWeb/studies/{studiesId}"),
    Web(DH_ID ".dicomStores.studies.series.retrieveSeries", "GET", DH_SERIES, "/dicomWeb/studies/{studiesId}/series/{seriesId}"),
    Web(DH_ID ".dicomStores.studies.series.retrieveMetadata", "GET", DH_SERIES "/metadata",
        "/dicomWeb/studies/{studiesId}/series/{seriesId}/metadata"),
    Web(DH_ID ".dicomStores.studies.series.searchForInstances", "GET", DH_SERIES "/instances",
        "/dicomWeb/studies/{studiesId}/series/{seriesId}/instances"),
    Web(DH_ID ".dicomStores.studies.series.delete", "DELETE", DH_SERIES, "/dicomWeb/studies/{studiesId}/series/{seriesId}"),
    Web(DH_ID ".dicomStores.studies.series.instances.retrieveInstance", "GET", DH_INSTANCE,
        "/dicomWeb/studies/{studiesId}/series/{seriesId}/instances/{instancesId}"),
    Web(DH_ID ".dicomStores.studies.series.instances.retrieveMetadata", "GET", DH_INSTANCE "/metadata",
        "/dicomWeb/studies/{studiesId}/series/{seriesId}/instances/{instancesId}/metadata"),
    Web(DH_ID ".dicomStores.studies.series.instances.delete", "DELETE", DH_INSTANCE,
        "/dicomWeb/studies/{studiesId}/series/{seriesId}/instances/{instancesId}"),
    Web(DH_ID ".dicomStores.studies.series.instances.frames.retrieveFrames", "GET", DH_FRAMES,
        "/dicomWeb/studies/{studiesId}/series/{seriesId}/instances/{instancesId}/frames/{framesId}"),
    Web(DH_ID ".dicomStores.studies.series.instances.retrieveRendered", "GET", DH_INSTANCE "/rendered",
        "/dicomWeb/studies/{studiesId}/series/{seriesId}/instances/{instancesId}/rendered"),
};

}  // namespace

std::vector<RestMethod> HealthcareMethods(std::string_view version) {
  std::vector<RestMethod> methods(kResourceMethods.begin(), kResourceMethods.end());
  methods.insert(methods.end(), kWebMethods.begin(), kWebMethods.end());
  for (RestMethod& method : methods) {
    if (method.id.ends_with(".retrieveRendered")) method.parameters = kViewport;
    if (version != "v1beta1") continue;
    if (method.request == &kDicomStoreShape) method.request = &kDicomStoreBetaShape;
    if (method.response == &kDicomStoreShape) method.response = &kDicomStoreBetaShape;
    if (method.request == &kExportRequestShape) method.request = &kExportRequestBetaShape;
  }
  return methods;
}

}  // namespace dicomhouse::api
