#include "src/master/socket_files.hpp"

#include <algorithm>
#include <utility>

#include "platform/platform.hpp"
#include "src/worker/core.hpp"

namespace artel {

void SocketFiles::add(const std::string& path, std::int64_t owner) {
  add({path, platform::socketIdentity(path, owner)});
}

void SocketFiles::add(SocketFile file) {
  std::erase_if(files_, [&](const SocketFile& one) { return one.path == file.path; });
  if (!file.identity.empty()) files_.push_back(std::move(file));
}

bool SocketFiles::has(const std::string& path) const {
  return std::any_of(files_.begin(), files_.end(), [&](const SocketFile& one) { return one.path == path; });
}

void SocketFiles::remove(const std::string& path) {
  const auto same = [&](const SocketFile& one) { return one.path == path; };
  const auto at = std::find_if(files_.begin(), files_.end(), same);
  if (at == files_.end()) return;
  if (platform::socketIdentity(path) == at->identity) removeSocketFile(path);
  files_.erase(at);
}

void SocketFiles::removeAll() {
  while (!files_.empty()) remove(std::string(files_.back().path));
}

}  // namespace artel
