#include "artel/error.hpp"

namespace artel {

std::string SetupError::text() const {
  std::string id = std::to_string(static_cast<int>(exit_));
  if (id.size() < 2) id.insert(0, "0");
  std::string text = "error[E" + id + "] " + what();
  for (const auto& [label, hint] : hints_) {
    text += "\n  " + label + ":" + std::string(label.size() < 8 ? 8 - label.size() : 1, ' ') + hint;
  }
  return text + "\n  read:    docs/errors.md#e" + id + "\n";
}

}  // namespace artel
