// What a person sees when a service has started: what runs, where, and who can reach it.
#pragma once

#include <chrono>
#include <string>

#include "platform/platform.hpp"
#include "src/master/plan.hpp"

namespace artel {

/// What the screen says beside the plan.
struct Surroundings {
  std::vector<std::string>
      versions;  ///< "artel 0.1.0", "libuv 1.44.2", "OpenSSL 3.0.22", "Linux 6.1.0 x86_64", "2 CPUs"
  platform::Pid pid = 0;
  std::vector<std::string> addresses;  ///< of this machine
  static Surroundings here();
};

/// On a terminal a table, else one line per worker ("listening http://127.0.0.1:40123"). Empty when the plan is quiet.
std::string startScreen(const Plan& plan, const platform::Terminal& terminal, std::chrono::milliseconds took,
                        const Surroundings& surroundings = Surroundings::here());

/// Addresses a client can use: {"http://192.0.2.7:8080", ...}; of one address only this machine reaches, that one.
struct Reach {
  std::vector<std::string> urls;
  bool onlyThisMachine = false;
  /// Who can use that URL.
  std::string note(const std::string& url) const;
};
Reach reachOf(const Worker& worker, const std::vector<std::string>& localAddresses);

/// "artel 0.1.0 · libuv 1.44.2 · OpenSSL 3.0.22 · Linux 6.1.0 x86_64 · 2 CPUs", on as many lines as the width needs
/// (0: one). Ends with a newline.
std::string versionLine(const std::vector<std::string>& versions = Surroundings::here().versions, int width = 0);

}  // namespace artel
