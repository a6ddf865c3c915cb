#include "src/protocol/quick_append.hpp"

namespace artel {

void growAndAppend(std::string& to, std::string_view text) { to.append(text); }

}  // namespace artel
