#include "api/services.h"

#include <memory>
#include <string_view>
#include <utility>

namespace dicomhouse::api {
namespace {

// Takes as long for any text of the same length.
bool SameToken(std::string_view given, std::string_view token) {
  unsigned difference = given.size() == token.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    difference |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(i < token.size() ? token[i] : 0);
  }
  return difference == 0;
}

std::string_view GivenToken(const http::Request& request) {
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view header = request.headers.Get("Authorization");
  if (header.size() > kBearer.size() && (header.starts_with(kBearer) || header.starts_with("bearer "))) {
    return header.substr(kBearer.size());
  }
  const std::string* parameter = request.target.Query("access_token");
  return parameter != nullptr ? std::string_view(*parameter) : std::string_view();
}

bool MayPass(const http::Request& request, const std::vector<std::string>& tokens) {
  if (tokens.empty()) return true;
  if (request.target.segments == std::vector<std::string>{"healthz"}) return true;
  const std::string_view given = GivenToken(request);
  bool found = false;
  for (const std::string& token : tokens) found |= SameToken(given, token);  // all of them, whichever fits
  return found;
}

http::Response Unauthenticated() {
  http::Response response =
      ErrorResponse(401, "This server wants a token: send 'Authorization: Bearer TOKEN' with one of its token file.");
  response.headers.Set("WWW-Authenticate", "Bearer realm=\"dicomhouse\"");
  return response;
}

}  // namespace

http::Handler MakeHandler(const Services& services, std::vector<std::string> tokens) {
  auto router = std::make_shared<Router>();
  AddHealthcareRoutes(*router, services);
  AddDicomWebRoutes(*router, services);
  AddStorageRoutes(*router, services);
  AddLoggingRoutes(*router, services);
  AddExplorerRoutes(*router, services);
  return [router, tokens = std::move(tokens)](http::Request& request) {
    return MayPass(request, tokens) ? router->Handle(request) : Unauthenticated();
  };
}

}  // namespace dicomhouse::api
