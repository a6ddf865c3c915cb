// The libraries that this program lives on, in two versions: the one it was compiled against and the one that was found
// when it started. A package update changes the second only.
#pragma once

#include <string>
#include <vector>

namespace artel {

struct LibraryVersion {
  std::string name;
  std::string compiled;
  std::string found;  ///< "" when it does not say
};
std::vector<LibraryVersion> libraryVersions();

/// What is wrong with the two together, as a sentence; "" when nothing is. A library may be newer than what it was
/// compiled against, within its first number.
std::string misfit(const LibraryVersion& library);

}  // namespace artel
