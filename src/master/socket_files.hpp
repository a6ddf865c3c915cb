// The files of Unix sockets, which the master removes at the end: each by what it is, not only by its name. Somebody
// else may have put a socket of the same name into its place.
#pragma once

#include <string>
#include <vector>

namespace artel {

struct SocketFile {
  std::string path;      ///< UTF-8
  std::string identity;  ///< platform::socketIdentity() when it was made
};

class SocketFiles {
 public:
  void add(SocketFile file);
  /// Removes the file if it is still the one, and forgets it.
  void remove(const std::string& path);
  void removeAll();
  /// They are somebody else's now.
  void forgetAll() noexcept { files_.clear(); }
  const std::vector<SocketFile>& all() const noexcept { return files_; }

 private:
  std::vector<SocketFile> files_;
};

}  // namespace artel
