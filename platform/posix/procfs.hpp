// Reading /proc, where there is one; everything comes back empty elsewhere.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

namespace artel::platform::procfs {

/// The names in a folder; what cannot be read is left out.
inline std::vector<std::string> entries(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code failed;
  std::filesystem::directory_iterator entry(folder, failed), end;
  while (!failed && entry != end) {
    names.push_back(entry->path().filename().string());
    entry.increment(failed);
  }
  return names;
}

inline std::string firstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace artel::platform::procfs
