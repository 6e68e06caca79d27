#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "api/healthcare/calls.h"
#include "api/healthcare/shapes.h"

namespace dicomhouse::api {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;
using base::Result;
using base::Status;

// The name of the dataset or DICOM store, which exists.
Result<std::string> ResourceOf(const RestCall& call) {
  if (call.path["dicomStoresId"].empty()) {
    DH_ASSIGN(const store::DatasetName name, DatasetNameOf(call));
    DH_ASSIGN(const store::Dataset dataset, call.services.store->catalog().GetDataset(name));
    return name.Text();
  }
  DH_ASSIGN(const store::DicomStoreName name, DicomStoreNameOf(call));
  DH_ASSIGN(const store::DicomStore store, call.services.store->catalog().GetDicomStore(name));
  return name.Text();
}

// Who may be a member (google.iam.v1.Binding).
bool IsMember(std::string_view member) {
  constexpr std::array<std::string_view, 10> kKinds = {
      "user:",        "serviceAccount:", "group:",        "domain:",        "deleted:",
      "principal://", "principalSet://", "projectOwner:", "projectEditor:", "projectViewer:"};
  if (member == "allUsers" || member == "allAuthenticatedUsers") return true;
  return std::any_of(kKinds.begin(), kKinds.end(),
                     [&](std::string_view kind) { return member.starts_with(kind) && member.size() > kind.size(); });
}

bool IsRole(std::string_view role) {
  return (role.starts_with("roles/") && role.size() > 6) ||
         ((role.starts_with("projects/") || role.starts_with("organizations/")) &&
          role.find("/roles/") != std::string_view::npos);
}

Status CheckPolicy(const Json& policy) {
  const int64_t version = policy["version"].as_int();
  if (version != 0 && version != 1 && version != 3) {
    return Error{ErrorCode::kInvalidArgument, "policy.version is " + std::to_string(version) + "; there are 0, 1 and 3"};
  }
  for (const Json& binding : policy["bindings"].array()) {
    if (!IsRole(binding["role"].as_string())) {
      return Error{ErrorCode::kInvalidArgument, "Role " + binding["role"].Print() + " is not of the form roles/NAME"};
    }
    for (const Json& member : binding["members"].array()) {
      if (!IsMember(member.as_string())) {
        return Error{ErrorCode::kInvalidArgument,
                     "Invalid member: " + member.Print() + " does not begin with user:, serviceAccount:, group: or domain:"};
      }
    }
    if (binding.find("condition") != nullptr && version != 3) {
      return Error{ErrorCode::kInvalidArgument, "A policy with a condition must have version 3"};
    }
  }
  return {};
}

Json EmptyPolicy() {
  Json policy = Json::MakeObject();
  return policy.Set("etag", store::kEmptyPolicyEtag);
}

}  // namespace

Result<Json> GetIamPolicy(const RestCall& call) {
  const std::string& asked = call.Query("options.requestedPolicyVersion");
  if (!asked.empty() && asked != "0" && asked != "1" && asked != "3") {
    return Error{ErrorCode::kInvalidArgument, "options.requestedPolicyVersion is " + asked + "; there are 0, 1 and 3"};
  }
  DH_ASSIGN(const std::string resource, ResourceOf(call));
  DH_ASSIGN(Json policy, call.services.store->catalog().GetPolicy(resource));
  return policy.is_null() ? EmptyPolicy() : policy;
}

Result<Json> SetIamPolicy(const RestCall& call) {
  const Json* const given = call.body.find("policy");
  if (given == nullptr) return Error{ErrorCode::kInvalidArgument, "policy is missing"};
  DH_CHECK(CheckPolicy(*given));
  DH_ASSIGN(const std::string resource, ResourceOf(call));
  DH_ASSIGN(const Json before, call.services.store->catalog().GetPolicy(resource));
  Json policy = before.is_null() ? Json::MakeObject() : before;
  const std::string& mask = call.body["updateMask"].as_string();
  DH_CHECK(ApplyFieldMask(kPolicyShape, mask.empty() ? "version,bindings,etag" : mask, *given, policy));
  policy.Remove("etag");  // the catalog's to give
  DH_ASSIGN(policy, ReadMessage(policy, kPolicyShape));
  // Bytes in JSON: base64 of both alphabets is taken (proto3's JSON mapping), and gcloud sends the other one back.
  std::string etag = (*given)["etag"].as_string();
  std::replace(etag.begin(), etag.end(), '-', '+');
  std::replace(etag.begin(), etag.end(), '_', '/');
  return call.services.store->catalog().SetPolicy(resource, std::move(policy), etag);
}

// Whoever may call this server has every permission on it.
Result<Json> TestIamPermissions(const RestCall& call) {
  DH_ASSIGN(const std::string resource, ResourceOf(call));
  Json granted = Json::MakeArray();
  for (const Json& permission : call.body["permissions"].array()) {
    const std::string& text = permission.as_string();
    if (text.find('*') != std::string::npos) {
      return Error{ErrorCode::kInvalidArgument, "permissions: " + permission.Print() + ": wildcards are not allowed"};
    }
    if (!text.starts_with("healthcare.")) {
      return Error{ErrorCode::kInvalidArgument, "Permission " + permission.Print() + " is not valid for this resource."};
    }
    granted.Append(permission);
  }
  Json answer = Json::MakeObject();
  if (!granted.array().empty()) answer.Set("permissions", std::move(granted));
  return answer;
}

}  // namespace dicomhouse::api
