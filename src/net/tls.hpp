// TLS without sockets: cipher bytes in, plain bytes out, and the other way round. OpenSSL is behind it and nowhere
// else; what a Stream does with it is in tls_stream.cpp.
//
//   received ─► read: [BIO] ─► OpenSSL ─► plain          write: plain ─► OpenSSL ─► [BIO] ─► out
//
// The BIO is one for all sessions of a process and holds nothing: it takes from the bytes that a call was given, and
// appends to the string that the call was given. So an idle session has no buffer of its own.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "artel/error.hpp"
#include "artel/ssl.hpp"

struct ssl_st;
struct ssl_ctx_st;
struct evp_cipher_ctx_st;
struct evp_mac_ctx_st;

namespace artel::net {

/// What encrypts the sessions that clients keep. All processes of a Worker have the same keys, so a client resumes
/// wherever it lands. The first encrypts, all decrypt.
struct TicketKeys {
  static constexpr std::size_t keySize = 80, kept = 3;
  std::array<std::array<unsigned char, keySize>, kept> keys{};

  static TicketKeys random();
  /// A new one in front, the oldest away.
  void rotate();
  /// Those of one listener, made from these: who knows them knows nothing of another's.
  TicketKeys of(std::string_view listener) const;
  std::string bytes() const;
  /// False: these are none, and nothing has changed.
  bool adopt(std::string_view bytes);
};

/// A certificate with its key, as bytes.
struct TlsIdentity {
  std::string name;        ///< whom it is for, in lower case: "a.example", "*.a.example"; "": everybody
  std::string chain, key;  ///< PEM
  std::string passphrase;
  std::string staple;  ///< DER; sent only while it is good for that certificate
};

struct TlsSettings {
  std::vector<TlsIdentity> identities;  ///< of a server the first is for everybody; of a client at most one
  VerifyPeer::Kind verify = VerifyPeer::byRole;
  std::string authorities;  ///< PEM; empty: the system's
  int depth = 10;
  bool allowSelfSigned = false;
  std::string ciphers;
  std::vector<std::string> alpn;
  bool alpnOrNothing = false;  ///< a client that offers only others is refused
  std::string scope;           ///< of a server: sessions made in another scope are not resumed
};

/// Overwritten before it is freed: a process that is forked later has what the heap holds, also of other Workers.
void wipe(std::string& secret) noexcept;
void wipe(TlsSettings& settings) noexcept;  ///< its keys

/// What all sessions of one listener, or of clients with the same options, share.
class TlsContext {
 public:
  /// The message says what is wrong, without a file's name.
  static Result<std::shared_ptr<TlsContext>> server(const TlsSettings& settings);
  static Result<std::shared_ptr<TlsContext>> client(const TlsSettings& settings);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ~TlsContext();
  TicketKeys tickets{};

 private:
  friend class TlsSession;
  struct Callbacks;
  struct Named {
    std::string name, staple;
    std::int64_t stapleFrom, stapleUntil;
    ssl_ctx_st* context;
  };
  TlsContext() = default;
  void prepare(const TlsSettings& settings);
  /// OpenSSL's way to ask for a ticket's key. 0: there is none, 2: an old one.
  int ticketKey(unsigned char* name, unsigned char* vector, evp_cipher_ctx_st* cipher, evp_mac_ctx_st* mac,
                bool encrypt) const;
  Result<void> add(const TlsSettings& settings, const TlsIdentity* identity, bool asServer);
  std::vector<Named> named_;
  std::string alpn_;  ///< in the wire's form
  std::string scope_;
  bool alpnOrNothing_ = false;
};

class TlsSession {
 public:
  enum class State : std::uint8_t {
    handshaking,
    open,
    peerEnded,  ///< the peer has said that it is done
    broken      ///< error() says why; what is in `out` is still to be sent
  };
  /// Null when there is no memory.
  static std::unique_ptr<TlsSession> accept(std::shared_ptr<TlsContext> context);
  /// `host`: whom to ask for, and whose certificate it must be; an address or a name. `verifyName` false: anybody's.
  static std::unique_ptr<TlsSession> connect(std::shared_ptr<TlsContext> context, std::string host, bool verifyName);
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;
  ~TlsSession();

  State state() const noexcept { return state_; }
  bool isServer() const noexcept { return server_; }
  /// The peer has been heard.
  bool begun() const noexcept { return begun_; }
  /// Bytes came that are no TLS at all, from the first one on: they are in the span that read() was given.
  bool spokePlain() const noexcept { return plain_; }
  const std::string& error() const noexcept { return error_; }
  /// The beginning of a record is kept here, and its rest has not come.
  bool unfinished() const noexcept;
  /// Broken because the peer has sent too much that is no data: more than mostTalk messages in talkTime.
  bool flooded() const noexcept { return flooded_; }
  static constexpr unsigned mostTalk = 128;
  static inline std::chrono::milliseconds talkTime{10'000};  // a test does not wait that long
  static inline std::chrono::seconds ahead{0};               // nor until a certificate has expired

  /// A client's hello. A server has nothing to start with.
  void start(std::string& out);
  /// Takes all cipher bytes; how many plain ones there are now at the beginning of `plain`, which must have room for as
  /// many and `plainRoom` more. `out` gets what is to be sent.
  std::size_t read(std::span<const char> cipher, std::span<char> plain, std::string& out);
  static constexpr std::size_t plainRoom = std::size_t{32} * 1024;
  /// Only while open, or when the peer has ended. False: broken now.
  bool write(std::string_view plain, std::string& out);
  /// Says that we are done; write() must not be called any more.
  void end(std::string& out);

  /// "TLSv1.3", "TLS_AES_128_GCM_SHA256", "http/1.1" or "": once it is open.
  std::string_view version() const noexcept;
  std::string_view cipher() const noexcept;
  std::string_view alpn() const noexcept;
  bool resumed() const noexcept;
  /// Of the peer's certificate, in RFC 2253's form; "": it has shown none.
  std::string peerSubject() const;

 private:
  TlsSession(std::shared_ptr<TlsContext> context, ssl_st* ssl, bool server) noexcept
      : context_(std::move(context)), ssl_(ssl), server_(server) {}
  static std::unique_ptr<TlsSession> make(std::shared_ptr<TlsContext> context, bool server);
  bool shakeHands();
  void stumbled(int result);
  void talked(unsigned steps);
  std::shared_ptr<TlsContext> context_;
  ssl_st* ssl_;
  std::string error_;
  std::chrono::steady_clock::time_point talkBegan_{};
  std::uint16_t talked_ = 0;
  State state_ = State::handshaking;
  bool server_, begun_ = false, plain_ = false, flooded_ = false;
};

}  // namespace artel::net
