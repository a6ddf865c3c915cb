#include <gtest/gtest.h>
#include <uv.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "platform/platform.hpp"

namespace artel::platform {
namespace {

/// A socket that is closed with the test.
class Listener {
 public:
  Listener(SocketKind kind, const std::string& host, std::uint16_t port, const ListenOptions& options = {})
      : opened_(openListener(kind, host, port, options)) {}
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { close(); }
  explicit operator bool() const { return static_cast<bool>(opened_); }
  const Error& error() const { return opened_.error(); }
  NativeSocket native() const { return *opened_; }
  std::uint16_t port() const { return boundPort(*opened_); }
  /// The caller closes it.
  NativeSocket release() {
    const NativeSocket socket = *opened_;
    opened_ = Error{};
    return socket;
  }
  void close() {
    if (opened_) closeSocket(release());
  }

 private:
  Result<NativeSocket> opened_;
};

/// A path in a folder of its own, gone with the test.
class TemporaryPath {
 public:
  TemporaryPath() {
    const auto name =
        "artel-" + std::to_string(currentPid()) + "-" + testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = std::filesystem::temp_directory_path() / name;
    std::filesystem::create_directories(folder_);
  }
  ~TemporaryPath() { std::filesystem::remove_all(folder_); }
  std::filesystem::path path() const { return folder_ / "socket"; }
  std::string text() const { return path().string(); }

 private:
  std::filesystem::path folder_;
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

#define NEEDS_UNIX_SOCKETS() \
  if (!capabilities().unixSockets) GTEST_SKIP() << capabilities().whyLimited

TEST(PlatformSocket, PortZeroBecomesARealPort) {
  for (const SocketKind kind : {SocketKind::tcp, SocketKind::udp}) {
    const Listener listener(kind, "127.0.0.1", 0);
    ASSERT_TRUE(listener) << listener.error().message;
    EXPECT_NE(listener.port(), 0);
  }
}

TEST(PlatformSocket, SecondListenerFindsTheAddressInUse) {
  for (const SocketKind kind : {SocketKind::tcp, SocketKind::udp}) {
    const Listener first(kind, "127.0.0.1", 0);
    ASSERT_TRUE(first) << first.error().message;
    const Listener second(kind, "127.0.0.1", first.port());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::addressInUse);
    EXPECT_NE(second.error().systemCode, 0);
    EXPECT_TRUE(contains(second.error().message, "address already in use (")) << second.error().message;
    EXPECT_TRUE(contains(second.error().message, "EADDRINUSE)")) << second.error().message;
  }
}

TEST(PlatformSocket, SecondListenerOnANameDoesNotTakeItsOtherAddress) {
  const Listener first(SocketKind::tcp, "localhost", 0);
  if (!first && first.error().code == Errc::badAddress)
    GTEST_SKIP() << first.error().message;  // a machine without names
  ASSERT_TRUE(first) << first.error().message;
  const Listener second(SocketKind::tcp, "localhost", first.port());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::addressInUse);
}

TEST(PlatformSocket, PortIsFreeAfterClose) {
  Listener first(SocketKind::tcp, "127.0.0.1", 0);
  ASSERT_TRUE(first) << first.error().message;
  const std::uint16_t port = first.port();
  first.close();
  const Listener second(SocketKind::tcp, "127.0.0.1", port);
  EXPECT_TRUE(second) << second.error().message;
}

TEST(PlatformSocket, AddressOfAnotherMachineIsNotAvailable) {
  const Listener listener(SocketKind::tcp, "192.0.2.1", 0);  // RFC 5737: documentation only
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, Errc::addressNotAvailable);
  EXPECT_TRUE(contains(listener.error().message, "EADDRNOTAVAIL)")) << listener.error().message;
}

TEST(PlatformSocket, WhatIsNoAddressIsRefusedByName) {
  for (const std::string host : {"a..b", "not an address"}) {
    const Listener listener(SocketKind::tcp, host, 0);
    ASSERT_FALSE(listener) << host;
    EXPECT_EQ(listener.error().code, Errc::badAddress);
    EXPECT_TRUE(contains(listener.error().message, "\"" + host + "\" does not resolve")) << listener.error().message;
  }
  EXPECT_EQ(Listener(SocketKind::tcp, std::string("127.0.0.1\0x", 11), 0).error().code, Errc::badAddress);
}

TEST(PlatformSocket, EveryIpv6AddressServesIpv4TooUnlessItMayNot) {
  const Listener both(SocketKind::tcp, "::", 0);
  if (!both) GTEST_SKIP() << "no IPv6 here: " << both.error().message;
  const Listener four(SocketKind::tcp, "0.0.0.0", both.port());
  ASSERT_FALSE(four);
  // Windows says "access" while nobody listens, and that is not told from a reserved port.
  if (directIo()) {
    EXPECT_EQ(four.error().code, Errc::addressInUse);
  }

  const Listener sixOnly(SocketKind::tcp, "::", 0, {.ipv6Only = true});
  ASSERT_TRUE(sixOnly) << sixOnly.error().message;
  const Listener beside(SocketKind::tcp, "127.0.0.1", sixOnly.port());
  EXPECT_TRUE(beside) << beside.error().message;
}

TEST(PlatformSocket, ReusePortSharesAPortWhereItExists) {
  const ListenOptions shared{.reusePort = true};
  const Listener first(SocketKind::tcp, "127.0.0.1", 0, shared);
  if (!capabilities().reusePort) {
    ASSERT_FALSE(first);
    EXPECT_EQ(first.error().code, Errc::unsupported);
    EXPECT_EQ(first.error().message, capabilities().whyLimited);
    return;
  }
  ASSERT_TRUE(first) << first.error().message;
  const Listener second(SocketKind::tcp, "127.0.0.1", first.port(), shared);
  EXPECT_TRUE(second) << second.error().message;
  EXPECT_FALSE(Listener(SocketKind::tcp, "127.0.0.1", first.port()));
}

/// Wine knows the port, but not whose it is; Linux must know.
void expectHeldByThisProcess(std::uint16_t port) {
  const auto holder = portHolder(port);
  if (capabilities().platform == "linux") {
    ASSERT_TRUE(holder);
  }
  if (holder) {
    EXPECT_TRUE(contains(*holder, " (pid " + std::to_string(currentPid()) + ")")) << *holder;
  }
}

TEST(PlatformSocket, PortHolderNamesThisProcess) {
  for (const SocketKind kind : {SocketKind::tcp, SocketKind::udp}) {
    const Listener listener(kind, "127.0.0.1", 0);
    ASSERT_TRUE(listener) << listener.error().message;
    expectHeldByThisProcess(listener.port());
  }
}

TEST(PlatformSocket, FreePortHasNoHolder) {
  Listener listener(SocketKind::tcp, "127.0.0.1", 0);
  ASSERT_TRUE(listener) << listener.error().message;
  const std::uint16_t port = listener.port();
  listener.close();
  EXPECT_EQ(portHolder(port), std::nullopt);
}

TEST(PlatformSocket, LocalAddressesAreBareAndLeaveLoopbackOut) {
  for (const std::string& address : localAddresses()) {
    EXPECT_FALSE(address.starts_with("127.")) << address;
    EXPECT_NE(address, "::1");
    EXPECT_EQ(address.find_first_not_of("0123456789abcdef.:"), std::string::npos) << address;
  }
}

TEST(PlatformSocket, UnixSocketFileWithoutAServerIsStale) {
  NEEDS_UNIX_SOCKETS();
  const TemporaryPath file;
  Listener first(SocketKind::unixStream, file.text(), 0);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(Listener(SocketKind::unixStream, file.text(), 0).error().code, Errc::addressInUse);
  first.close();
  EXPECT_EQ(Listener(SocketKind::unixStream, file.text(), 0).error().code, Errc::staleSocketFile);
  std::filesystem::remove(file.path());
  EXPECT_TRUE(Listener(SocketKind::unixStream, file.text(), 0));
}

TEST(PlatformSocket, OrdinaryFileInTheWayIsNotStale) {
  NEEDS_UNIX_SOCKETS();
  const TemporaryPath file;
  std::ofstream(file.path()) << "precious";
  const Listener listener(SocketKind::unixStream, file.text(), 0);
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, Errc::addressInUse);
  EXPECT_TRUE(contains(listener.error().message, "no socket")) << listener.error().message;
}

TEST(PlatformSocket, UnixSocketPathIsMeasured) {
  NEEDS_UNIX_SOCKETS();
  const TemporaryPath file;
  const Listener listener(SocketKind::unixStream, file.text() + std::string(120, 'x'), 0);
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, Errc::badAddress);
  EXPECT_TRUE(contains(listener.error().message, std::to_string(file.text().size() + 120))) << listener.error().message;
  EXPECT_EQ(Listener(SocketKind::unixStream, "", 0).error().code, Errc::badAddress);
  EXPECT_EQ(Listener(SocketKind::unixStream, file.text() + "/no/folder", 0).error().code, Errc::badAddress);
}

TEST(PlatformSocket, UnixSocketsAreRefusedWithTheReasonWhereTheyAreMissing) {
  if (capabilities().unixSockets) GTEST_SKIP() << "this system has them";
  const Listener listener(SocketKind::unixStream, "socket", 0);
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, Errc::unsupported);
  EXPECT_EQ(listener.error().message, capabilities().whyLimited);
}

/// A libuv client with a loop of its own.
struct Client {
  Client() {
    uv_loop_init(&loop);
    uv_tcp_init(&loop, &socket);
    socket.data = this;
  }
  void connect(std::uint16_t port) {
    sockaddr_in address;
    uv_ip4_addr("127.0.0.1", port, &address);
    request.data = this;
    uv_tcp_connect(&request, &socket, reinterpret_cast<const sockaddr*>(&address), [](uv_connect_t* done, int status) {
      static_cast<Client*>(done->data)->status = status;
      uv_stop(done->handle->loop);
    });
  }
  ~Client() {
    uv_walk(
        &loop,
        [](uv_handle_t* handle, void*) {
          if (uv_is_closing(handle) == 0) uv_close(handle, nullptr);
        },
        nullptr);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
  }
  /// Reads until `size` bytes have come.
  std::string read(std::size_t size) {
    wanted = size;
    uv_read_start(
        reinterpret_cast<uv_stream_t*>(&socket),
        [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
          auto* self = static_cast<Client*>(handle->data);
          *buffer = uv_buf_init(self->bytes, sizeof self->bytes);
        },
        [](uv_stream_t* stream, ssize_t got, const uv_buf_t* buffer) {
          auto* self = static_cast<Client*>(stream->data);
          if (got > 0) self->received.append(buffer->base, static_cast<std::size_t>(got));
          if (got < 0 || self->received.size() >= self->wanted) {
            uv_read_stop(stream);
            uv_stop(stream->loop);
          }
        });
    uv_run(&loop, UV_RUN_DEFAULT);
    return received;
  }

  uv_loop_t loop;
  uv_tcp_t socket;
  uv_connect_t request;
  int status = UV_ECANCELED;
  char bytes[1024];
  std::string received;
  std::size_t wanted = 0;
};

TEST(PlatformSocket, AcceptsAndSendsDirectly) {
  if (!directIo()) GTEST_SKIP() << "libuv accepts and sends on this system";
  const Listener listener(SocketKind::tcp, "127.0.0.1", 0);
  ASSERT_TRUE(listener) << listener.error().message;
  const auto nothing = acceptOne(listener.native(), {});
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, Errc::wouldBlock);
  EXPECT_EQ(nothing.error().message, "");

  Client client;
  client.connect(listener.port());
  uv_run(&client.loop, UV_RUN_DEFAULT);
  ASSERT_EQ(client.status, 0);
  const auto accepted = acceptOne(listener.native(), {});
  ASSERT_TRUE(accepted) << accepted.error().message;
  applyAccepted(*accepted, {});
  EXPECT_EQ(sendNow(*accepted, "hello", 5), 5);
  EXPECT_EQ(client.read(5), "hello");

  const std::string much(1 << 20, 'x');
  while (sendNow(*accepted, much.data(), much.size()) > 0) {
  }
  EXPECT_EQ(sendNow(*accepted, much.data(), much.size()), 0) << "a full socket would block";
  closeSocket(*accepted);
}

/// What is ready within `milliseconds`, of one socket that is watched.
int readyOf(Poller& poller, void* who, int milliseconds = 0) {
  Poller::Ready ready[4];
  const std::size_t count = poller.wait(ready, milliseconds);
  if (count == 0) return 0;
  EXPECT_EQ(count, 1u);
  EXPECT_EQ(ready[0].who, who);
  return ready[0].events;
}

TEST(PlatformPoller, TellsWhatIsReadyAndNothingOfWhatIsNotWatched) {
  if (!directIo()) GTEST_SKIP() << "libuv polls on this system";
  const Listener listener(SocketKind::tcp, "127.0.0.1", 0);
  ASSERT_TRUE(listener) << listener.error().message;
  auto opened = Poller::open();
  ASSERT_TRUE(opened) << opened.error().message;
  Poller poller = std::move(*opened);
  int door = 0, room = 0;
  ASSERT_EQ(poller.watch(listener.native(), &door, 0, Poller::readable), 0);
  EXPECT_EQ(readyOf(poller, &door), 0);
  NativeSocket accepted = noSocket;
  {
    Client client;
    client.connect(listener.port());
    uv_run(&client.loop, UV_RUN_DEFAULT);
    EXPECT_EQ(readyOf(poller, &door, 5000), Poller::readable);
    std::array<std::byte, 28> peer{};
    accepted = *acceptOne(listener.native(), peer);
    sockaddr_in address{}, asked{};
    std::memcpy(&address, peer.data(), sizeof address);
    peerAddress(accepted, {reinterpret_cast<std::byte*>(&asked), sizeof asked});
    EXPECT_EQ(std::memcmp(&address, &asked, sizeof asked), 0);
    EXPECT_EQ(address.sin_family, AF_INET);
    localAddress(accepted, {reinterpret_cast<std::byte*>(&asked), sizeof asked});
    EXPECT_EQ(ntohs(asked.sin_port), listener.port());
    ASSERT_EQ(poller.watch(listener.native(), &door, Poller::readable, 0), 0);

    ASSERT_EQ(poller.watch(accepted, &room, 0, Poller::readable), 0);
    EXPECT_EQ(readyOf(poller, &room), 0);
    const std::uint8_t both = Poller::readable | Poller::writable;
    ASSERT_EQ(poller.watch(accepted, &room, Poller::readable, both), 0);
    EXPECT_EQ(readyOf(poller, &room), Poller::writable);
    ASSERT_EQ(poller.watch(accepted, &room, both, Poller::readable), 0);
  }
  EXPECT_NE(readyOf(poller, &room, 5000) & Poller::readable, 0) << "the peer's end";
  char byte = 0;
  EXPECT_EQ(receiveNow(accepted, &byte, 1), endOfStream);
  shutdownSend(accepted);  // now both sides have ended: a hang-up, which the system reports without being asked
  ASSERT_EQ(poller.watch(accepted, &room, Poller::readable, 0), 0);
  EXPECT_EQ(readyOf(poller, &room, 20), 0);
  closeSocket(accepted);
}

TEST(PlatformPoller, IsRefusedWhereLibuvPolls) {
  if (directIo()) GTEST_SKIP() << "this system has it";
  EXPECT_EQ(Poller::open().error().code, Errc::unsupported);
}

TEST(PlatformSocket, SendToAGonePeerIsAnErrorAndNoSignal) {
  if (!directIo()) GTEST_SKIP() << "libuv accepts and sends on this system";
  const Listener listener(SocketKind::tcp, "127.0.0.1", 0);
  ASSERT_TRUE(listener) << listener.error().message;
  std::ptrdiff_t taken = 0;
  NativeSocket accepted = noSocket;
  {
    Client client;
    client.connect(listener.port());
    uv_run(&client.loop, UV_RUN_DEFAULT);
    accepted = *acceptOne(listener.native(), {});
  }
  // The first byte fetches the reset, the next one meets it.
  for (int attempt = 0; attempt < 1000 && taken >= 0; ++attempt) taken = sendNow(accepted, "x", 1);
  EXPECT_TRUE(taken == UV_EPIPE || taken == UV_ECONNRESET) << taken;
  closeSocket(accepted);
}

TEST(PlatformSocket, LibuvListensOnTheSocket) {
  Listener listener(SocketKind::tcp, "127.0.0.1", 0);
  ASSERT_TRUE(listener) << listener.error().message;
  const std::uint16_t port = listener.port();
  Client client;
  uv_tcp_t server;
  uv_tcp_init(&client.loop, &server);
  ASSERT_EQ(uv_tcp_open(&server, static_cast<uv_os_sock_t>(listener.release())), 0);
  bool connected = false;
  server.data = &connected;
  ASSERT_EQ(uv_listen(reinterpret_cast<uv_stream_t*>(&server), 16,
                      [](uv_stream_t* stream, int status) {
                        *static_cast<bool*>(stream->data) = status == 0;
                        uv_stop(stream->loop);
                      }),
            0);
  client.connect(port);  // not before: on Windows the socket listens from here on
  // Both sides stop the loop once.
  for (int turn = 0; turn < 2 && (!connected || client.status != 0); ++turn) uv_run(&client.loop, UV_RUN_DEFAULT);
  EXPECT_TRUE(connected);
  EXPECT_EQ(client.status, 0);
  expectHeldByThisProcess(port);
  EXPECT_EQ(Listener(SocketKind::tcp, "127.0.0.1", port).error().code, Errc::addressInUse);

  uv_tcp_t accepted;
  uv_tcp_init(&client.loop, &accepted);
  EXPECT_EQ(uv_accept(reinterpret_cast<uv_stream_t*>(&server), reinterpret_cast<uv_stream_t*>(&accepted)), 0);
  uv_close(reinterpret_cast<uv_handle_t*>(&server), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&accepted), nullptr);
  uv_run(&client.loop, UV_RUN_NOWAIT);
}

}  // namespace
}  // namespace artel::platform
