// The files of Unix sockets, which the master removes at the end: each by what it is, not only by its name. Somebody
// else may have put a socket of the same name into its place, and a worker that names one is not believed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace artel {

struct SocketFile {
  std::string path;      ///< UTF-8
  std::string identity;  ///< platform::socketIdentity()
};

class SocketFiles {
 public:
  /// Remembers what is there now. Only a socket of that user (-1: of anybody's).
  void add(const std::string& path, std::int64_t owner = -1);
  void add(SocketFile file);
  bool has(const std::string& path) const;
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
