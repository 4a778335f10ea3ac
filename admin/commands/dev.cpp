// `dev`: like `serve`, for a bridge that Mem0 cannot reach.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>

#include "admin/commands/command.hpp"
#include "admin/config/values.hpp"
#include "admin/serve/mem0_polling.hpp"
#include "admin/serve/serve.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;

struct DevOptions {
  std::shared_ptr<CommonOptions> common;
  std::string every = "3s";
};

int Dev(const DevOptions& options, Console& console) {
  const auto every = ParseDuration(options.every);
  if (!every || *every < 1s) {
    PrintError({ErrorCode::kRefused, "--every: \"" + options.every + "\" is no time of a second or more", "write 3s or 1m"},
               console);
    return kBadUsage;
  }
  BlockSignals();  // before the first thread starts
  const auto config = ConfigOrProblems(options.common->config, console);
  if (!config) return kBadUsage;
  const Config polled = WithPolling(*config, *every);
  fmt::print(
      console.err,
      "no webhook is registered, and no public address is needed: Mem0 is asked every {} for what changed, and once a minute "
      "for what was deleted. Everything else is as in membridge serve; each question costs a call per project\n",
      options.every);
  return Serve(polled, ServeRoles::Only({}), console);
}

}  // namespace

void AddDev(CLI::App& app, Choice& choice) {
  CLI::App* command =
      app.add_subcommand("dev", "Like serve without a public address: ask Mem0 every few seconds for what changed");
  auto options = std::make_shared<DevOptions>();
  options->common = AddConfigOption(*command);
  command->add_option("--every", options->every, "How often Mem0 is asked, at least 1s")->capture_default_str();
  command->callback([options, &choice] { choice = [options](Console& console) { return Dev(*options, console); }; });
}

}  // namespace membridge::admin
