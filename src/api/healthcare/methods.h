// The methods of the Healthcare API by version, and its description.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/rest_method.h"
#include "base/json.h"

namespace dicomhouse::api {

// "v1" or "v1beta1". Those without a handler are DICOMweb's, which another folder serves.
std::vector<RestMethod> HealthcareMethods(std::string_view version);

// The API's description in the form of Google's discovery service (discovery#restDescription), made of the methods and their
// shapes. `root_url`: "http://127.0.0.1:8080/".
base::Json DescribeApi(std::string_view version, const std::string& root_url);

}  // namespace dicomhouse::api
