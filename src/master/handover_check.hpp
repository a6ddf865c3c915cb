// What a master and a program that it tries say to each other, before that program may take its place. Nothing of the
// service is touched: the program comes to Worker::runAll, makes its plan, binds what the master does not hold yet, and
// ends.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/platform.hpp"
#include "src/master/command_line.hpp"
#include "src/master/handover_state.hpp"

namespace artel {

struct HandoverCheck {
  // To the program: what the master listens on, and that this was all.
  static constexpr char heldMessage = 'h', endOfHeld = 'e';
  // To the master: who it is, the certificates of a Worker, a socket that it has bound, the file of a Unix socket among
  // them, and that it could start.
  static constexpr char programMessage = 'p', certificatesMessage = 'c', boundMessage = 'b', socketFileMessage = 'f',
                        passedMessage = 'd';

  /// A count and the address that it is for.
  static std::string listener(std::size_t count, const std::string& address);
  struct Listener {
    std::size_t count = 0;
    std::string address;
  };
  static std::optional<Listener> listenerIn(std::string_view body);

  static std::string program(const std::string& running, const std::string& tried);
  static std::optional<HandoverState::Programs> programsIn(std::string_view body);
};

/// In the program that is tried; the exit code. Throws SetupError where a start would be refused.
int answerCheck(const Command& command, const platform::Channel& master);

}  // namespace artel
