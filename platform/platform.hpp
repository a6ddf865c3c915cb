// The one seam between artel and the operating system: what it can do differently on POSIX and on Windows, and nothing
// that libuv already does alike on both. platform/posix/ and platform/win32/ define every function here, in files of
// the same names; the build picks a folder. What a system cannot do answers Errc::unsupported with the sentence of
// Capabilities::whyLimited. May cross this line: standard types and the ones declared here.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "artel/capabilities.hpp"
#include "artel/error.hpp"

namespace artel::platform {

using Pid = std::int64_t;
using NativeSocket = std::intptr_t;  ///< int on POSIX, SOCKET on Windows
inline constexpr NativeSocket noSocket = -1;

// ---- processes (process.cpp) ----------------------------------------------------------------------------------------

/// What a signal or a console event means.
enum class Notice { stop, stopGracefully, stopNow, reload, reloadGracefully, reopenLogs };

/// How a child ended: by itself (signal == 0) with `code`, or by a signal.
struct ChildExit {
  Pid pid = 0;
  int code = 0;
  int signal = 0;
  bool coreDumped = false;
};
/// "code 250", "signal SEGV", "signal SEGV (core dumped)".
std::string describe(const ChildExit& exit);

Pid currentPid() noexcept;
Pid parentPid() noexcept;
/// Refused with more than one thread, naming how many and which: a forked copy of a locked mutex stays locked.
Result<void> mayFork();

/// What one process tells the other. `kind` 0: the end, the other side is gone.
struct ChannelMessage {
  char kind = 0;
  std::string body;
  NativeSocket descriptor = noSocket;  ///< passed along; whoever takes the message owns it
  bool lost = false;                   ///< one was passed, and this process could open no more of them
};

/// One end of the pair that ties two processes of a service together: a worker and its master, or a master in the
/// background and the command that started it. A side sees the end when the other is gone. Closed by the destructor.
class Channel {
 public:
  static constexpr std::size_t maxBody = 60 * 1024;
  Channel() = default;
  explicit Channel(NativeSocket end) : end_(end) {}
  Channel(Channel&& other) noexcept;
  Channel& operator=(Channel&& other) noexcept;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();
  NativeSocket native() const noexcept { return end_; }
  explicit operator bool() const noexcept { return end_ != noSocket; }
  /// Without waiting: Errc::wouldBlock when the other side has not taken what it was told before. A passed descriptor
  /// is copied: the sender keeps its own.
  Result<void> put(char kind, std::string_view body = {}, NativeSocket passed = noSocket) const;
  /// The same, without words for what went wrong: also in a signal handler.
  bool tryPut(char kind, std::string_view body) const noexcept;
  /// Without waiting: a message, the end, or Errc::wouldBlock.
  Result<ChannelMessage> take() const;
  void close();

 private:
  NativeSocket end_ = noSocket;
};
struct ChannelPair {
  Channel master, worker;
};
Result<ChannelPair> openChannel();
/// Sleeps until there is something to take (or to read from a socket), or false when the time is over.
bool awaitReadable(NativeSocket socket, std::chrono::milliseconds timeout);

/// Forks a worker. The child runs `body` with default signal actions, own process group, and ends with its result
/// (flushing stdio; static destructors do not run). Refused where mayFork() refuses. Signals are blocked around the
/// fork. In the child `childFirst` runs first: it closes what only the master may hold. Then all signals are unblocked
/// but the noticeSignals(), which wait for hearNotices().
Result<Pid> spawnWorker(const std::function<void()>& childFirst, const std::function<int()>& body);

/// The master's whole day: sleep until a notice, an exit, a message of a worker, or the deadline.
struct Wakeup {
  std::optional<Notice> notice;
  std::vector<ChildExit> exits;
  std::vector<std::size_t> readable;  ///< indexes into the channels given to wait()
  std::vector<std::size_t> writable;  ///< indexes into the writers
};
class Supervisor {
 public:
  Supervisor();  ///< takes over signals (INT TERM HUP TSTP QUIT USR1 USR2 CHLD; PIPE ignored)
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  Wakeup wait(const std::vector<NativeSocket>& channels, std::chrono::milliseconds timeout,
              const std::vector<NativeSocket>& writers = {});
  /// In a forked child: gives signals their defaults back and closes what this object holds.
  void leaveInChild();
  /// Whether the end of the terminal ends the service: not under nohup, nor without a terminal. A program that takes
  /// over has to be told, since exec forgets it.
  bool hangupStops() const noexcept;
  void setHangupStops(bool stops) noexcept;
};

/// On Windows only stop and stopGracefully (which are the same), to a program that has asked for onNotice().
Result<void> notify(Pid pid, Notice notice);
Result<void> killNow(Pid pid);
/// The worker ends with its master: on the master's death (Linux; nothing elsewhere) it gets a TERM, and a kernel timer
/// kills it after `grace` should a callback never return.
void dieWithParent(std::chrono::milliseconds grace = {});
/// A kernel timer that kills this process after `timeout` unless called again; zero disarms. For a worker that must end
/// even when a callback never returns.
void killSelfAfter(std::chrono::milliseconds timeout);

/// Signals by which a single worker process is told something, as numbers for uv_signal_start.
struct NoticeSignal {
  int number;
  Notice notice;
};
std::vector<NoticeSignal> noticeSignals();
/// Unblocks the noticeSignals(), once the caller watches them; what came before is delivered now.
void hearNotices() noexcept;

/// What asks this process to end by other ways than signals, told on a thread of the system's: on Windows its log-off
/// and its shutdown, and the stop event, by which notify() of another process asks; with `consoleToo` also Ctrl+C,
/// Ctrl+Break and the closing of the window, which libuv's loop has as signals. Nothing on POSIX. One at a time; an
/// empty one takes it away, and has not been called any more when this returns.
void onNotice(std::function<void(Notice)> tell, bool consoleToo = false);
/// The console event with that number of Windows', as its handler takes it; false: not for onNotice. For tests, since
/// not every system can be made to send each of them.
bool consoleEvent(unsigned event);

// ---- programs beside each other (programs.cpp) ----------------------------------------------------------------------

/// Programs that this process runs beside each other. Each reads nothing, has standard output and error in one pipe to
/// here, is in a process group of its own (Ctrl+C at the console is for this process only), and ends with this process,
/// however that ends. One object a process; signals and console events are its own (see Supervisor).
class Programs {
 public:
  /// Of one program: what it printed, and at last its end. What its own children print may come later still.
  struct News {
    Pid pid = 0;
    std::string output;
    std::optional<ChildExit> exit;
  };
  struct Wakeup {
    std::optional<Notice> notice;
    std::vector<News> news;
  };
  Programs();
  ~Programs();  ///< kills what still runs
  Programs(const Programs&) = delete;
  Programs& operator=(const Programs&) = delete;
  /// `words.front()` is the file, looked up as a shell does. In UTF-8.
  Result<Pid> start(const std::vector<std::string>& words);
  /// Sleeps until there is something to tell, or the time is over.
  Wakeup wait(std::chrono::milliseconds timeout);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// ---- where a process is (crash.cpp) ---------------------------------------------------------------------------------

/// What a signal handler has to say. A stack is lines "  #0   function  program+0x1234", the innermost call first, then
/// one with the command that names the lines of the source.
struct Crash {
  std::string_view signal;  ///< "SEGV"
  std::string_view detail;  ///< "at address 0x10", "sent by process 812", or nothing
  std::string_view stack;
};
/// From now on SEGV, BUS, FPE, ILL and ABRT of this process are reported before they end it, as they would have without
/// this. `report` runs in a signal handler: it may allocate nothing. What the program has a handler of its own for is
/// left alone, and everything in a build with a sanitizer. Not inherited by spawnWorker's children.
void onCrash(void (*report)(const Crash&) noexcept) noexcept;
/// Gives the signals back.
void offCrash() noexcept;
/// Whether this process and its children write core files from now on, as far as the hard limit lets them.
void allowCoreDumps(bool yes) noexcept;
/// In a worker: what to do with its stack when the master asks for it; runs in a signal handler, too.
void answerTraces(void (*answer)(std::string_view stack) noexcept) noexcept;
/// In the master, of a worker that spawnWorker made. What waits in the kernel answers when it has come back.
Result<void> askTrace(Pid pid);
/// A stack with the names of functions as they are written. Not in a signal handler.
std::string demangled(std::string_view stack);

/// Memory that forked workers and the master share, zeroed at first; unmapped by the destructor. On a system without
/// worker processes: ordinary memory.
class SharedMemory {
 public:
  static Result<SharedMemory> create(std::size_t size);
  /// What another program made of this process: maps it and owns the descriptor.
  static Result<SharedMemory> adopt(NativeSocket file);
  SharedMemory() = default;
  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&& other) noexcept;
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory();
  void* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  NativeSocket native() const noexcept { return file_; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
  NativeSocket file_ = noSocket;
};

// ---- a service's files (lock.cpp, control.cpp, files.cpp) -----------------------------------------------------------

/// What says that a service runs: a lock on a file, held by the process itself. It ends with the process, however that
/// ends; a fork does not have it, an exec keeps it. The file is opened once and never again in that process: closing
/// any descriptor of it would drop the lock. Windows has no file: a name of the session's, made of the path.
class ServiceLock {
 public:
  ServiceLock() = default;
  ServiceLock(const ServiceLock&) = delete;
  ServiceLock& operator=(const ServiceLock&) = delete;
  ~ServiceLock();
  /// Errc::addressInUse when another process holds it.
  Result<void> take(const std::string& path);
  /// What the program that was this process before has taken.
  void adopt(const std::string& path, NativeSocket file);
  NativeSocket native() const noexcept { return file_; }
  bool held() const noexcept { return file_ != noSocket; }
  /// Removes the file, if it is still the one that was taken, and lets go.
  void release();
  /// In a forked child, which never had the lock: closes the descriptor.
  void leaveInChild() noexcept;
  /// Who holds it: nothing when nobody does; 0 when it is a process of another container, whose number means nothing
  /// here. Not in the process that holds it.
  static std::optional<Pid> owner(const std::string& path);

 private:
  std::string path_;
  NativeSocket file_ = noSocket;
};

/// A listening Unix socket that only this user and root may use. A socket file that nobody serves is replaced; one that
/// somebody serves is Errc::addressInUse, and no other file is touched. A path longer than the system's limit is used
/// all the same.
Result<NativeSocket> openControl(const std::string& path);
/// The next one who connected, or wouldBlock. Processes of other users are turned away.
Result<NativeSocket> acceptControl(NativeSocket listener);
Result<NativeSocket> connectControl(const std::string& path);

/// A file to which several processes append, each line with one write. Errc::permissionDenied, badAddress, system.
Result<NativeSocket> openAppend(const std::string& path);
/// One write. False: not all of it was taken (a full disk), and what was not is lost.
bool appendTo(NativeSocket file, std::string_view bytes) noexcept;
/// The same to standard error, whatever that is.
bool appendToStandardError(std::string_view bytes) noexcept;
std::uint64_t fileSize(NativeSocket file) noexcept;
/// Whether the open file is the one at the path. Not after somebody moved, replaced or deleted it.
bool isFileAt(NativeSocket file, const std::string& path) noexcept;
/// Whether this process could make or change that file; nothing is touched. Else the system's words.
Result<void> mayWrite(const std::string& path);
/// Whether it could be read, or is not there.
Result<void> mayRead(const std::string& path);
/// The descriptor numbered `number` becomes a copy of `from`, which is closed.
void becomeDescriptor(NativeSocket from, NativeSocket number) noexcept;
/// Standard output and error become `file` (which is not closed); standard input reads nothing.
Result<void> redirectStandardStreams(NativeSocket file);
/// Where the program was started without standard input, output or error, the null device takes the place: else the
/// next file opened would become one of them. Before anything is opened.
void openStandardStreams() noexcept;
/// Another descriptor of what standard error is now.
NativeSocket duplicateStandardError() noexcept;
void closeFile(NativeSocket file) noexcept;
/// Differs when another file, or another content, is at the path; "" when nothing is. Symbolic links are followed.
std::string fileIdentity(const std::string& path);
/// The same of an open file.
std::string fileIdentity(NativeSocket file);
/// Which file the Unix socket at that path is; a link is not followed. "": there is none, or it is not that user's
/// (-1: anybody's). POSIX only.
std::string socketIdentity(const std::string& path, std::int64_t owner = -1);
/// The file of this program by the name it was called: `word` as typed, looked up as a shell does. May be a link.
std::string programFile(const std::string& word);
/// Whether every user of this machine may read that file. False where the system does not tell.
bool isReadableByAll(const std::string& path) noexcept;
/// The file's content, at most mostOfAFile. Errc::permissionDenied, badAddress (no such file), system.
inline constexpr std::size_t mostOfAFile = std::size_t{8} * 1024 * 1024;
Result<std::string> readFile(const std::string& path);
/// Whose certificates the system believes, as DER, where they are not files that OpenSSL knows: Windows.
std::vector<std::string> trustedCertificates();
/// Replaces the file's content at once; 0644, or 0600 when it is a secret.
Result<void> writeFile(const std::string& path, std::string_view content, bool secret = false);

// ---- a new program in place of the one that runs (handover.cpp) -----------------------------------------------------

/// To a master that wants to know whether this program could take its place, and for which this process was made; empty
/// when it was started for anything else. Once.
Channel takeCheck() noexcept;
bool isChecked() noexcept;
/// What the program that was this process before has left for us; nothing when it was started for anything else. Once.
std::optional<std::string> takeHandover();
/// The file of a program, held open: what is checked is what is executed, whatever happens to the path.
Result<NativeSocket> openProgram(const std::string& path);
struct CheckedProgram {
  Pid pid = 0;
  NativeSocket output = noSocket;  ///< reads what it writes to standard output and error
};
/// A child that runs `program` with the words, the directory and the environment that this process was started with,
/// and finds `channel` by takeCheck().
Result<CheckedProgram> checkProgram(NativeSocket program, const Channel& channel);
/// `program`, started as this one was, becomes this process and finds `state` by takeHandover() and the descriptors
/// `kept` under their numbers. Comes back only when that failed, with everything as it was; with nothing when a signal
/// waits that Supervisor::wait() has to tell of first.
std::optional<Error> becomeProgram(NativeSocket program, std::string_view state, const std::vector<NativeSocket>& kept);
/// Of `kept`, in the new program: false when there is no such descriptor.
bool adoptDescriptor(NativeSocket descriptor) noexcept;
/// In the new program: it has taken over, and signals may come again. Before that, an alarm ends it after 10 s.
void takenOver() noexcept;
/// A short hash of the content of the file that a process runs; "?" where that cannot be read (Windows: of others).
std::string programId(Pid pid);

// ---- the background, other users (background.cpp, users.cpp) --------------------------------------------------------

/// Two processes come back: the one that the user started (`launcher`), which waits at `channel` for what the other has
/// to say; and the service-to-be, in a session of its own without a terminal, umask 022.
struct Background {
  bool launcher = false;
  Channel channel;
};
/// Refused where mayFork() refuses.
Result<Background> goToBackground();
/// systemd's protocol ("READY=1"), where $NOTIFY_SOCKET names its socket; nothing elsewhere.
void tellServiceManager(std::string_view state) noexcept;
/// Whether tellServiceManager has somebody to tell.
bool hasServiceManager() noexcept;
/// The service manager kills this process unless it is told "WATCHDOG=1" within this time, again and again; nothing
/// when it does not watch.
std::optional<std::chrono::milliseconds> watchdogTime() noexcept;

struct UserIds {
  std::string name;  ///< for the supplementary groups
  std::int64_t user = -1, group = -1;
};
/// `user` and `group` are names; an empty group is the user's own, an empty user stays. Errc::badAddress: no such user
/// or group; permissionDenied: this process may not become it.
Result<UserIds> findUser(const std::string& user, const std::string& group);
/// Of the user whom this process runs as; the number when it has no name.
std::string userName();
/// Whose file that is; "" when there is none, or the system does not tell.
std::string fileOwner(const std::string& path);
/// For good, with the user's supplementary groups.
Result<void> becomeUser(const UserIds& ids);

// ---- sockets (socket.cpp) -------------------------------------------------------------------------------------------

enum class SocketKind { tcp, udp, unixStream };

struct KeepAlive {
  bool on = true;
  int idleSeconds = 55, intervalSeconds = 55, probes = 1;  ///< the manual's values (row 1.8.1)
};
struct ListenOptions {
  int backlog = 102400;  ///< the kernel caps it
  bool reusePort = false;
  bool ipv6Only = false;
  bool noDelay = true;
  KeepAlive keepAlive{};
  std::chrono::milliseconds sendTimeout{
      0};  ///< Linux: the kernel gives up a peer that acknowledges nothing for so long
};
/// Binds and (tcp, unix) listens; non-blocking, close-on-exec. `host` may be a name, an IPv4 or a bare IPv6 address;
/// "::" serves IPv4 too unless ipv6Only. For unixStream `host` is the path and `port` is ignored.
/// On Windows tcp sockets are bound exclusively and not yet listening: libuv's own listen does that.
/// Errors: addressInUse, addressNotAvailable, permissionDenied, staleSocketFile, badAddress, system; message holds the
/// system's words and its symbolic name, such as "address already in use (98 EADDRINUSE)".
Result<NativeSocket> openListener(SocketKind kind, const std::string& host, std::uint16_t port,
                                  const ListenOptions& options);
/// A tcp listener that an earlier program, or process, has bound: what the options ask for now. `ours`: what they do
/// not ask for is taken away, too; a service manager may have its own ideas.
void renewListener(NativeSocket socket, const ListenOptions& options, bool ours) noexcept;
void closeSocket(NativeSocket socket) noexcept;

// A service manager may have bound addresses before this program began (activation.cpp).

/// The socket it passed for that address, if it did: bound, listening, non-blocking, close-on-exec; else noSocket. Each
/// is given once. Of `options` those of connections are set; the queue is as long as the service manager made it. Its
/// file, when it has one, is not ours to remove.
NativeSocket inheritedListener(SocketKind kind, const std::string& host, std::uint16_t port,
                               const ListenOptions& options);
/// The addresses of those that nobody has asked for.
std::vector<std::string> unclaimedListeners();

/// The port a bound socket really has (for port 0).
std::uint16_t boundPort(NativeSocket socket) noexcept;

/// One connection from a listening socket, non-blocking and close-on-exec, or wouldBlock, outOfDescriptors, system.
/// A connection that died in the queue (ECONNABORTED) counts as wouldBlock only when nothing else waits. `peer` gets
/// the other end's sockaddr, as far as it fits. Only where directIo().
Result<NativeSocket> acceptOne(NativeSocket listener, std::span<std::byte> peer) noexcept;
/// No-delay and keep-alive on an accepted tcp socket, where the listener does not hand them down.
void applyAccepted(NativeSocket socket, const ListenOptions& options) noexcept;
/// The sockaddr of this end, or of the other, as far as it fits; untouched when the system does not tell.
void localAddress(NativeSocket socket, std::span<std::byte> into) noexcept;
void peerAddress(NativeSocket socket, std::span<std::byte> into) noexcept;

/// Writes what the kernel takes now: bytes taken (0: would block, or not directIo()), or a negative libuv-style error
/// (-errno).
std::ptrdiff_t sendNow(NativeSocket socket, const char* data, std::size_t size) noexcept;
/// Reads what the kernel has now: bytes read, 0: nothing yet (or not directIo()), endOfStream, or -errno.
std::ptrdiff_t receiveNow(NativeSocket socket, char* buffer, std::size_t size) noexcept;
inline constexpr std::ptrdiff_t endOfStream = -4095;  ///< libuv's own number for it
/// One datagram from a udp socket: its bytes, or -errno (would block: nothing is there). `peer` gets its sender's
/// sockaddr. Only where directIo().
std::ptrdiff_t receiveFrom(NativeSocket socket, char* buffer, std::size_t size, std::span<std::byte> peer) noexcept;
/// One datagram to the sockaddr `peer` (null: a connected socket's own); false when the system does not take it. Only
/// where directIo().
bool sendTo(NativeSocket socket, const void* peer, std::string_view datagram) noexcept;
/// Our side of the stream ends; what was sent before still arrives. Only where directIo().
void shutdownSend(NativeSocket socket) noexcept;

// ---- connecting (dial.cpp) ------------------------------------------------------------------------------------------

/// A sockaddr of the system.
struct SocketAddress {
  alignas(8) std::array<std::byte, 128> bytes{};
  std::size_t size = 0;
  bool ipv6 = false;
};
/// All addresses of a name for that port, in the order in which they are to be tried; a number is its own address.
/// Blocks while the system asks others: not on the loop's thread, unless `numberOnly`. Errc::badAddress.
Result<std::vector<SocketAddress>> resolve(const std::string& host, std::uint16_t port, bool numberOnly = false);
/// Of a Unix socket. Errc::badAddress, unsupported.
Result<SocketAddress> unixAddress(const std::string& path);

/// In a thread of our own: signals are for others.
void blockSignals() noexcept;

struct ConnectOptions {
  SocketKind kind = SocketKind::tcp;
  std::optional<SocketAddress> from{};  ///< the address of this end; port 0: any
  bool noDelay = true;
  KeepAlive keepAlive{};
  std::chrono::milliseconds sendTimeout{0};  ///< as in ListenOptions
};
/// A socket that connects: non-blocking, close-on-exec. It becomes writable when it is done, well or not: ask
/// connectResult(). wouldBlock: the listener's queue is full (Unix sockets), try again. Of udp it is done at once.
Result<NativeSocket> beginConnect(const SocketAddress& to, const ConnectOptions& options);
Result<void> connectResult(NativeSocket socket);

/// Free memory that the allocator holds goes back to the system, where it can be asked to. Takes up to milliseconds.
void releaseFreeMemory() noexcept;

/// Bytes of a tcp socket that the kernel has, but the peer has not acknowledged; 0 where the system does not tell.
std::size_t unacknowledged(NativeSocket socket) noexcept;

/// Who listens on a tcp/udp port of this machine, as "nginx (pid 812)", where the system lets us know.
std::optional<std::string> portHolder(std::uint16_t port);
/// The machine's own addresses, IPv4 and IPv6 text without brackets, loopback left out.
std::vector<std::string> localAddresses();

// ---- readiness (poller.cpp) -----------------------------------------------------------------------------------------

/// True where a Poller tells when connections and listeners are ready, and sendNow, receiveNow and acceptOne do the
/// rest. False where libuv has to move the bytes itself.
#if defined(__linux__)
constexpr bool directIo() noexcept { return true; }
#else
constexpr bool directIo() noexcept { return false; }
#endif

/// Which sockets are ready (epoll). Not to be shared by processes: make it after the fork.
class Poller {
 public:
  enum Event : std::uint8_t { readable = 1, writable = 2 };  ///< an error or a hang-up counts as both
  struct Ready {
    void* who;
    std::uint8_t events;
  };
  static Result<Poller> open();
  Poller() = default;
  Poller(Poller&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Poller& operator=(Poller&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;
  ~Poller();
  explicit operator bool() const noexcept { return descriptor_ >= 0; }

  /// From now on the socket is watched for `wanted` (a sum of Events; 0: not at all) instead of `before`. 0 or -errno.
  /// A socket must be watched no more before it is closed.
  int watch(NativeSocket socket, void* who, std::uint8_t before, std::uint8_t wanted) noexcept;
  /// Sleeps until a socket is ready or so many milliseconds have passed (-1: no limit). How many of `ready` are set.
  std::size_t wait(std::span<Ready> ready, int milliseconds) noexcept;

 private:
  int descriptor_ = -1;
};

// ---- processors (cpus.cpp) -----------------------------------------------------------------------------------------

/// Processors that this process may use: those it may run on, or fewer where its cgroup (of version 1 or 2) has a
/// quota, a part of one counting as one. `root`: of another tree that has /proc and /sys, for tests.
int usableCpus(const std::string& root = {});

// ---- the terminal of a command that stays (terminal.cpp) -----------------------------------------------------------

/// Standard output's terminal while a screen is drawn on it again and again: keys of standard input come one by one and
/// are not shown, if that is the terminal, too. It is as it was before as soon as this process ends, however (but
/// KILL), and while Ctrl+Z has stopped it. Where standard output is no terminal nothing is touched. One a process, made
/// after the Supervisor, whose sleep hears of it. On Windows nothing is touched and there are no keys.
class LiveTerminal {
 public:
  /// Written to the terminal when it is taken and given back; may be empty.
  LiveTerminal(std::string_view enter, std::string_view leave);
  ~LiveTerminal();
  LiveTerminal(const LiveTerminal&) = delete;
  LiveTerminal& operator=(const LiveTerminal&) = delete;
  /// Readers for Supervisor::wait(); ask anew before each.
  std::vector<NativeSocket> sockets() const;
  struct News {
    std::string keys;     ///< the bytes that were typed
    bool redraw = false;  ///< the size has changed, or this process had been stopped
  };
  /// What there is by now. Stops this process until it is continued, when Ctrl+Z was typed.
  News take();
  /// False while this process is in the background of its terminal (`bg`, `&`): nothing is to be written then.
  bool foreground();
};

// ---- this process and its terminal (service.cpp) --------------------------------------------------------------------

struct Terminal {
  bool isTerminal = false;
  bool colour = false;  ///< a terminal, NO_COLOR unset, TERM not dumb; on Windows switched on
  int width = 80;
  int height = 24;
  bool obeys = false;  ///< a terminal that does what escape sequences say: TERM not dumb
  bool utf8 = false;   ///< it shows UTF-8, by LC_ALL, LC_CTYPE or LANG
};
Terminal standardOutput();
/// A write to stdout has failed with that errno: because nobody is there any more who reads it?
bool outputIsGone(int error) noexcept;

/// The command line in UTF-8 (on Windows from the wide one; elsewhere argv as given).
std::vector<std::string> arguments(int argc, char** argv);
/// The command line of this process as it was started, without main's help, in UTF-8; empty when the system does not
/// tell. On POSIX not after setProcessTitle.
std::vector<std::string> startArguments();
/// "artel: master process chat", where the system shows such a thing.
void setProcessTitle(const std::string& title);
/// Must be called first in main's process, before anything else: remembers where argv and environ lie.
void saveProcessTitleSpace(int argc, char** argv);
/// "Linux 6.1.0 x86_64".
std::string systemName();
/// The soft limit of open files raised towards `wanted`; answers what it is now (wanted where there is no such limit).
std::uint64_t raiseOpenFiles(std::uint64_t wanted);
/// What the system allows a server, as it names it and as it is set: {"net.core.somaxconn", "4096"}.
std::vector<std::pair<std::string, std::string>> systemLimits();
/// Resident memory in bytes.
std::size_t residentMemory();
/// Of another process of this user; 0 where the system does not tell.
std::size_t residentMemory(Pid pid);
/// What a process does, in the letter that ps has for it: 'T' is stopped by a signal, 't' by a debugger, 'D' waits in
/// the kernel where no signal reaches it. 0 where the system does not tell.
char processState(Pid pid);
/// Of the monotonic clock, which libuv reads too; some milliseconds behind it where that is quicker to read.
std::uint64_t quickMilliseconds() noexcept;
/// Of the last 1, 5 and 15 minutes, where the system tells.
std::array<std::optional<double>, 3> loadAverage();
/// Flushes and ends the process at once, without running static destructors.
[[noreturn]] void endProcess(int code);

}  // namespace artel::platform
