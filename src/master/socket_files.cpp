#include "src/master/socket_files.hpp"

#include <algorithm>
#include <utility>

#include "src/worker/core.hpp"

namespace artel {

void SocketFiles::add(SocketFile file) {
  std::erase_if(files_, [&](const SocketFile& one) { return one.path == file.path; });
  files_.push_back(std::move(file));
}

void SocketFiles::remove(const std::string& path) {
  const auto same = [&](const SocketFile& one) { return one.path == path; };
  const auto at = std::find_if(files_.begin(), files_.end(), same);
  if (at == files_.end()) return;
  removeSocketFile(path, at->identity);
  files_.erase(at);
}

void SocketFiles::removeAll() {
  while (!files_.empty()) remove(std::string(files_.back().path));
}

}  // namespace artel
