// What a program says about itself when it is asked "check --json".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace artel::run {

struct Answer {
  struct Row {
    std::string worker, listen;
    int processes = 1;
  };
  std::vector<Row> rows;
  /// Not empty: here the program runs one Worker in a process, and these are their names.
  std::vector<std::string> oneByOne;
};

/// Reads what a program has printed. `program` is for the words of the SetupError that it throws when the program would
/// not start, is no program of ours, or goes to the background by itself.
Answer parseAnswer(const std::string& program, std::string_view printed);

}  // namespace artel::run
