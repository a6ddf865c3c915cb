// Several addresses of one name (RFC 8305).
#include <gtest/gtest.h>

#include "src/net/dialer.hpp"
#include "tests/support/world.hpp"

namespace artel::testing {
namespace {

TEST(Dialer, AnAddressThatDoesNotAnswerIsWaitedForAQuarterOfASecond) {
  if (!platform::directIo()) GTEST_SKIP() << "libuv listens here, and a listener without it refuses at once";
  Worker worker;
  World world(worker);
  // A listener whose queue is full and whom nobody serves answers nothing.
  const auto silent = platform::openListener(platform::SocketKind::tcp, "127.0.0.1", 0, {.backlog = 0});
  ASSERT_TRUE(silent);
  const std::uint16_t port = platform::boundPort(*silent);
  const Client one(world, port), two(world, port), three(world, port);
  const auto open = platform::openListener(platform::SocketKind::tcp, "127.0.0.2", port, {.backlog = 8});
  ASSERT_TRUE(open);
  world.settle();

  const auto first = platform::resolve("127.0.0.1", port, true), second = platform::resolve("127.0.0.2", port, true);
  ASSERT_TRUE(first && second);
  Result<platform::NativeSocket> made = Error{Errc::wouldBlock, "not yet"};
  const auto dialer = std::make_shared<net::Dialer>(net::Dialer::To{"two.addresses", port},
                                                    [&](Result<platform::NativeSocket> socket) { made = socket; });
  const auto begin = std::chrono::steady_clock::now();
  dialer->tryAll(std::vector{first->front(), second->front()});
  world.until([&] { return made || made.error().code != Errc::wouldBlock; });
  const auto took = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_GE(took, net::Dialer::nextAfter - 10ms);  // timers count whole milliseconds
  EXPECT_LT(took, 2500ms);
  for (const platform::NativeSocket socket : {*made, *silent, *open}) platform::closeSocket(socket);
}

}  // namespace
}  // namespace artel::testing
