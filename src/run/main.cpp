// artel-run: several artel programs under one console (row 1.16.42).
#include <cstdio>
#include <exception>

#include "artel/error.hpp"
#include "artel/version.hpp"
#include "platform/platform.hpp"
#include "src/run/group.hpp"
#include "src/run/options.hpp"

namespace {

int run(int argc, char** argv) {
  using namespace artel;
  platform::openStandardStreams();
  run::Options options = run::parseOptions(platform::arguments(argc, argv));
  if (options.help) std::fputs(run::usage().c_str(), stdout);
  if (options.version)
    std::printf("artel-run %s\nbuild %s\n", std::string(version()).c_str(), std::string(buildId()).c_str());
  if (options.help || options.version) return 0;
  return run::Group(std::move(options)).run();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const artel::SetupError& refused) {
    std::fputs(refused.text().c_str(), stderr);
    return static_cast<int>(refused.exit());
  } catch (const std::exception& bug) {
    std::fprintf(stderr, "error[E70] internal error: %s\n  try:    report it with what you typed\n", bug.what());
    return static_cast<int>(artel::Exit::internal);
  }
}
