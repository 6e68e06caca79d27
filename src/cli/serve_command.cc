// `dicomhouse serve`: starts the parts of the server in their order, waits for a signal, and stops them in the other one.
#include <pthread.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <map>
#include <memory>

#include "api/services.h"
#include "base/json.h"
#include "base/limits.h"
#include "cli/command.h"
#include "cli/serve_settings.h"
#include "cli/terminal.h"

namespace dicomhouse::cli {
namespace {

struct ServeFlags {
  std::string config;
  std::map<std::string, std::string> values;  // by key; those that were given are not empty
};

// SIGINT, SIGTERM and SIGHUP (the terminal was closed) wait for Wait() instead of ending the program. Made before any thread: all
// inherit it.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    // Under nohup it is ignored. One that waited would come all the same.
    struct sigaction hangup {};
    if (sigaction(SIGHUP, nullptr, &hangup) != 0 || hangup.sa_handler != SIG_IGN) sigaddset(&signals_, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    signal(SIGPIPE, SIG_IGN);
  }
  void Wait() const {
    int number = 0;
    sigwait(&signals_, &number);
  }
  // A second signal ends the program at once, as people expect.
  void Release() const { pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr); }

 private:
  sigset_t signals_;
};

// One line a request. Never the query, which may hold names of patients.
void LogRequest(const std::string& how, const http::ServerOptions::Done& done) {
  if (how == "off") return;
  const int64_t now_us =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  const std::string path = Printable(done.path);
  if (how == "text") {
    std::fprintf(stderr, "%s %s %s %d %.1f ms %s\n", api::Rfc3339(now_us).c_str(), done.method.c_str(), path.c_str(), done.status,
                 done.seconds * 1000, Printable(done.peer).c_str());
    return;
  }
  base::Json line = base::Json::MakeObject();
  line.Set("time", api::Rfc3339(now_us)).Set("severity", done.status >= 500 ? "ERROR" : "INFO").Set("method", done.method);
  line.Set("path", path).Set("status", done.status).Set("bytesIn", done.bytes_in).Set("bytesOut", done.bytes_out);
  line.Set("seconds", done.seconds).Set("peer", done.peer);
  std::fprintf(stderr, "%s\n", line.Print().c_str());
}

http::ServerOptions OptionsOf(const ServeSettings& settings, api::Metrics& metrics) {
  http::ServerOptions options;
  options.address = settings.listen;
  options.port = settings.port;
  if (!settings.tls_key.empty()) options.tls = http::TlsFiles{settings.tls_certificate, settings.tls_key};
  options.error_response = [](int status, const std::string& text) { return api::ErrorResponse(status, text); };
  options.on_done = [&metrics, how = settings.log](const http::ServerOptions::Done& done) {
    metrics.Count(done);
    LogRequest(how, done);
  };
  return options;
}

std::string UrlOf(const ServeSettings& settings, uint16_t port) {
  const bool ipv6 = settings.listen.find(':') != std::string::npos;
  return std::string(settings.tls_key.empty() ? "http" : "https") + "://" +
         (ipv6 ? "[" + settings.listen + "]" : settings.listen) + ":" + std::to_string(port);
}

base::Result<int> Serve(const ServeSettings& settings) {
  const StopSignals signals;
  DH_ASSIGN(const std::unique_ptr<store::Store> store, store::Store::Open(settings.data));
  for (const std::string& note : store->instances().opening_notes()) std::fprintf(stderr, "%s\n", Printable(note).c_str());
  const warehouse::Warehouse warehouse(settings.warehouse);
  DH_ASSIGN(const std::unique_ptr<transfer::Operations> operations, transfer::Operations::Start(*store, {}));
  api::Metrics metrics;
  api::Services services{store.get(), &warehouse, operations.get(), &metrics, "", settings.threads};

  // The address is known when the server listens, and the handlers print it: a request that comes in between waits.
  std::promise<http::Handler> made;
  const std::shared_future<http::Handler> handler = made.get_future().share();
  DH_ASSIGN(
      const std::unique_ptr<http::Server> server,
      http::Server::Start(OptionsOf(settings, metrics), [handler](http::Request& request) { return handler.get()(request); }));
  services.public_url = settings.public_url.empty() ? UrlOf(settings, server->port()) : settings.public_url;
  made.set_value(api::MakeHandler(services, settings.tokens));

  std::printf("dicomhouse listens on %s\n  data:   %s\n  tables: %s\n", UrlOf(settings, server->port()).c_str(),
              settings.data.c_str(), settings.warehouse.c_str());
  std::fflush(stdout);
  signals.Wait();
  std::printf("stopping: requests under way have %d seconds\n", base::kShutdownSeconds);
  std::fflush(stdout);
  signals.Release();
  server->Stop(base::kShutdownSeconds);
  return kDone;
}

base::Result<int> RunServe(const ServeFlags& flags) {
  ServeSettings defaults;
  defaults.warehouse = DefaultWarehouse();
  defaults.data = DefaultDataFolder();
  DH_ASSIGN(const ServeSettings settings,
            LoadServeSettings(
                flags.config,
                [&flags](std::string_view key) -> std::optional<std::string> {
                  const auto found = flags.values.find(std::string(key));
                  return found == flags.values.end() || found->second.empty() ? std::nullopt : std::optional(found->second);
                },
                [](std::string_view variable) -> std::optional<std::string> {
                  const char* text = std::getenv(std::string(variable).c_str());
                  return text == nullptr || *text == 0 ? std::nullopt : std::optional<std::string>(text);
                },
                std::move(defaults)));
  return Serve(settings);
}

}  // namespace

void AddServe(CLI::App& app, Run& run) {
  auto flags = std::make_shared<ServeFlags>();
  CLI::App* command = app.add_subcommand("serve", "Run the server: DICOM stores, Healthcare API, DICOMweb, gs://");
  command->footer(
      "Every setting can also be a variable (DICOMHOUSE_PORT) or stand in the configuration file (port = 8080); flags win over\n"
      "variables, and these over the file. Ctrl-C, SIGTERM and SIGHUP stop it when requests under way have ended.\n\n"
      "Examples:\n"
      "  dicomhouse serve\n"
      "  dicomhouse serve --data /srv/dicomhouse --port 8090\n"
      "  dicomhouse serve --config /etc/dicomhouse/dicomhouse.toml\n"
      "  dicomhouse serve --listen 0.0.0.0 --token-file tokens --tls-certificate house.pem --tls-key house.key");
  command->add_option("--config", flags->config, "Configuration file (TOML)")->type_name("FILE");
  for (const SettingInfo& info : SettingInfos()) {
    std::string name = "--" + std::string(info.key);
    std::replace(name.begin(), name.end(), '_', '-');
    command->add_option(name, flags->values[info.key], info.help)->type_name(info.type_name);
  }
  command->callback([flags, &run] {
    run = [flags] {
      const auto code = RunServe(*flags);
      return code.ok() ? *code : Complain(code.error());
    };
  });
}

}  // namespace dicomhouse::cli
