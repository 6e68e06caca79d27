// Google's own DELETE of an instance, and of a series or study by an operation.
#include "api/dicomweb/dicomweb.h"

namespace dicomhouse::api::dicomweb {

http::Response Delete(const Context& context, const http::Request& request, const PathValues& path) {
  const auto resource = FindResource(context, request, path);
  if (!resource.ok()) return ErrorResponse(resource.error());
  const int64_t store = resource->dicom_store.id;
  const store::InstanceKey key = resource->key;
  store::Instances& instances = *context.instances;
  if (!key.instance.empty()) {
    const auto deleted = instances.Delete(store, key);
    return deleted.ok() ? JsonResponse(base::Json::MakeObject()) : ErrorResponse(deleted.error());
  }
  const auto some = instances.List(store, key.study, key.series, 0, 1);
  if (!some.ok()) return ErrorResponse(some.error());
  if (some->empty())
    return ErrorResponse(404, "There is no " + resource->Url(key).substr(resource->url.size() + 1) + " in the DICOM store.");
  transfer::Operations::Description description;
  description.dataset = resource->dicom_store.name.dataset;
  description.dicom_store = resource->dicom_store.name;
  description.method = std::string("google.cloud.healthcare.") + resource->version + ".dicom.DicomService." +
                       (key.series.empty() ? "DeleteStudy" : "DeleteSeries");
  description.api_version = resource->version;
  description.log = key.series.empty() ? "healthcare.googleapis.com/delete_study" : "healthcare.googleapis.com/delete_series";
  const auto begun = context.operations->Begin(
      description, [&instances, store, key](transfer::OperationContext& operation) -> base::Result<base::Json> {
        DH_ASSIGN(const int64_t count, instances.Delete(store, key));
        operation.progress().instances += count;
        return base::Json();
      });
  if (!begun.ok()) return ErrorResponse(begun.error());
  base::Json name = base::Json::MakeObject();
  return JsonResponse(name.Set("name", begun->dataset.Text() + "/operations/" + begun->id));
}

}  // namespace dicomhouse::api::dicomweb
