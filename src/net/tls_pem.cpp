#include "src/net/tls_pem.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "platform/platform.hpp"
#include "src/net/tls_certificate.hpp"

namespace artel::net {

namespace {

template <auto free>
struct Free {
  template <class T>
  void operator()(T* one) const {
    free(one);
  }
};
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Memory = std::unique_ptr<BIO, Free<BIO_free_all>>;

Memory inMemory(const std::string& text) { return Memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

/// An encrypted key asks for it; without one we must not ask the terminal.
struct Passphrase {
  const std::string& given;
  bool asked = false;
  static int answer(char* into, int room, int, void* data) {
    auto& self = *static_cast<Passphrase*>(data);
    self.asked = true;
    const std::size_t size = std::min(self.given.size(), static_cast<std::size_t>(std::max(room, 0)));
    std::copy_n(self.given.data(), size, into);  // its end is its size, not a zero
    return static_cast<int>(size);
  }
};

struct Loaded {
  Certificate certificate;
  std::vector<Certificate> chain;
  Key key;
  CertificateReport::Fault fault = CertificateReport::Fault::none;
};

/// What follows the first one. False: something is there that cannot be read.
bool readMore(BIO* from, std::vector<Certificate>& into) {
  for (;;) {
    Certificate next(PEM_read_bio_X509(from, nullptr, nullptr, nullptr));
    if (next) {
      into.push_back(std::move(next));
      continue;
    }
    const bool over = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    return over;
  }
}

Loaded loadPair(const std::string& chain, const std::string& keyText, const std::string& passphrase) {
  using Fault = CertificateReport::Fault;
  Loaded loaded;
  ERR_clear_error();
  const Memory certificates = inMemory(chain);
  loaded.certificate.reset(PEM_read_bio_X509_AUX(certificates.get(), nullptr, nullptr, nullptr));
  const auto failed = [&](Fault fault) {
    loaded.fault = fault;
    ERR_clear_error();
    return std::move(loaded);
  };
  if (!loaded.certificate) return failed(Fault::noCertificate);
  if (!readMore(certificates.get(), loaded.chain)) return failed(Fault::noChain);
  const Memory keys = inMemory(keyText.empty() ? chain : keyText);
  Passphrase asked{passphrase};
  loaded.key.reset(PEM_read_bio_PrivateKey(keys.get(), nullptr, &Passphrase::answer, &asked));
  if (!loaded.key)
    return failed(!asked.asked ? Fault::noKey : passphrase.empty() ? Fault::keyIsEncrypted : Fault::wrongPassphrase);
  if (X509_check_private_key(loaded.certificate.get(), loaded.key.get()) != 1) return failed(Fault::notAPair);
  return loaded;
}

std::string nameText(const X509_NAME* name) {
  const Memory out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::int64_t secondsOf(const ASN1_TIME* time) {
  const std::unique_ptr<ASN1_TIME, Free<ASN1_TIME_free>> epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0, seconds = 0;
  if (ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1) return 0;
  return std::int64_t{days} * 86400 + seconds;
}

std::vector<std::string> namesOf(const X509* certificate) {
  std::vector<std::string> names;
  auto* list = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; list != nullptr && i < sk_GENERAL_NAME_num(list); ++i) {
    const GENERAL_NAME* one = sk_GENERAL_NAME_value(list, i);
    if (one->type == GEN_DNS)
      names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(one->d.dNSName)),
                         static_cast<std::size_t>(ASN1_STRING_length(one->d.dNSName)));
  }
  GENERAL_NAMES_free(list);
  return names;
}

std::string keyText(const EVP_PKEY* key) {
  char group[64] = {};
  std::size_t size = 0;
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1)
    return std::string("EC ") + (std::strcmp(group, "prime256v1") == 0 ? "P-256" : group);
  const char* type = EVP_PKEY_get0_type_name(key);
  return std::string(type != nullptr ? type : "key") + " " + std::to_string(EVP_PKEY_get_bits(key));
}

}  // namespace

std::string pem::lastError() {
  const auto code = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(code);
  std::string text = reason != nullptr ? reason : code != 0 ? "error " + std::to_string(code) : "unknown error";
  ERR_clear_error();
  return text;
}

Result<void> pem::use(ssl_ctx_st* context, const std::string& chain, const std::string& key,
                      const std::string& passphrase) {
  using Fault = CertificateReport::Fault;
  const Loaded loaded = loadPair(chain, key, passphrase);
  switch (loaded.fault) {
    case Fault::none:
      break;
    case Fault::noCertificate:
    case Fault::noChain:
      return Error{Errc::system, "the certificate cannot be read", 0};
    case Fault::notAPair:
      return Error{Errc::system, "the key is not the certificate's", 0};
    default:
      return Error{Errc::system, "the key cannot be read", 0};
  }
  ERR_clear_error();
  if (SSL_CTX_use_certificate(context, loaded.certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, loaded.key.get()) != 1)
    return Error{Errc::system, "the certificate cannot be used: " + pem::lastError(), 0};
  for (const Certificate& one : loaded.chain) {
    if (SSL_CTX_add1_chain_cert(context, one.get()) != 1)
      return Error{Errc::system, "the certificate cannot be used: " + pem::lastError(), 0};
  }
  return {};
}

Result<void> pem::trust(ssl_ctx_st* context, const std::string& authorities, bool announce) {
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  if (authorities.empty()) {
    const std::vector<std::string> system = platform::trustedCertificates();
    for (const std::string& der : system) {
      const auto* at = reinterpret_cast<const unsigned char*>(der.data());
      if (const Certificate one(d2i_X509(nullptr, &at, static_cast<int>(der.size()))); one)
        X509_STORE_add_cert(store, one.get());
    }
    SSL_CTX_set_default_verify_paths(context);
    ERR_clear_error();
    return {};
  }
  std::vector<Certificate> all;
  const Memory from = inMemory(authorities);
  if (!readMore(from.get(), all) || all.empty()) return Error{Errc::system, "no authority's certificate in it", 0};
  for (const Certificate& one : all) {
    X509_STORE_add_cert(store, one.get());
    if (announce) SSL_CTX_add_client_CA(context, one.get());
  }
  ERR_clear_error();
  return {};
}

std::string pem::subjectOf(const x509_st* certificate) { return nameText(X509_get_subject_name(certificate)); }

std::size_t countCertificates(const std::string& pem) {
  std::vector<Certificate> all;
  ERR_clear_error();
  const Memory from = inMemory(pem);
  return readMore(from.get(), all) ? all.size() : 0;
}

CertificateReport inspect(const TlsIdentity& identity) {
  using Fault = CertificateReport::Fault;
  CertificateReport report;
  const Loaded loaded = loadPair(identity.chain, identity.key, identity.passphrase);
  report.fault = loaded.fault;
  if (!loaded.certificate) return report;
  const X509* certificate = loaded.certificate.get();
  report.subject = nameText(X509_get_subject_name(certificate));
  report.issuer = nameText(X509_get_issuer_name(certificate));
  report.names = namesOf(certificate);
  report.notBefore = secondsOf(X509_get0_notBefore(certificate));
  report.notAfter = secondsOf(X509_get0_notAfter(certificate));
  report.selfSigned = report.subject == report.issuer;
  report.chain = loaded.chain.size();
  if (report.fault != Fault::none) return report;
  report.key = keyText(loaded.key.get());
  // What OpenSSL's security level refuses, it refuses when it is put to use.
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (const auto used = pem::use(context, identity.chain, identity.key, identity.passphrase); !used) {
    report.fault = Fault::weak;
    report.why = used.error().message;
  }
  SSL_CTX_free(context);
  return report;
}

StapleReport inspectStaple(const TlsIdentity& identity) {
  using Fault = StapleReport::Fault;
  StapleReport report;
  const auto failed = [&](Fault fault, std::string why = {}) {
    ERR_clear_error();
    report.fault = fault;
    report.why = std::move(why);
    return report;
  };
  const auto* at = reinterpret_cast<const unsigned char*>(identity.staple.data());
  const std::unique_ptr<OCSP_RESPONSE, Free<OCSP_RESPONSE_free>> response(
      d2i_OCSP_RESPONSE(nullptr, &at, static_cast<int>(identity.staple.size())));
  const auto* end = reinterpret_cast<const unsigned char*>(identity.staple.data() + identity.staple.size());
  if (!response || at != end) return failed(Fault::noResponse);
  if (const int status = OCSP_response_status(response.get()); status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
    return failed(Fault::noAnswer, OCSP_response_status_str(status));
  const std::unique_ptr<OCSP_BASICRESP, Free<OCSP_BASICRESP_free>> basic(OCSP_response_get1_basic(response.get()));
  const Memory pem = inMemory(identity.chain);
  const Certificate certificate(PEM_read_bio_X509_AUX(pem.get(), nullptr, nullptr, nullptr));
  if (!basic || !certificate) return failed(Fault::noResponse);
  for (int i = 0; i < OCSP_resp_count(basic.get()); ++i) {
    OCSP_SINGLERESP* one = OCSP_resp_get0(basic.get(), i);
    // Whose number it is: the hash of the issuer's name, which the certificate has, too.
    ASN1_OCTET_STRING* nameHash = nullptr;
    ASN1_OBJECT* digest = nullptr;
    ASN1_INTEGER* number = nullptr;
    OCSP_id_get0_info(&nameHash, &digest, nullptr, &number, const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(one)));
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    const EVP_MD* method = EVP_get_digestbyobj(digest);
    if (method == nullptr || X509_NAME_digest(X509_get_issuer_name(certificate.get()), method, hash, &size) != 1 ||
        ASN1_STRING_length(nameHash) != static_cast<int>(size) ||
        std::memcmp(ASN1_STRING_get0_data(nameHash), hash, size) != 0 ||
        ASN1_INTEGER_cmp(number, X509_get0_serialNumber(certificate.get())) != 0)
      continue;
    int reason = 0;
    ASN1_GENERALIZEDTIME *from = nullptr, *until = nullptr;
    const int status = OCSP_single_get0_status(one, &reason, nullptr, &from, &until);
    if (status != V_OCSP_CERTSTATUS_GOOD) return failed(Fault::notGood, OCSP_cert_status_str(status));
    report.from = from != nullptr ? secondsOf(from) : 0;
    report.until = until != nullptr ? secondsOf(until) : 0;
    // A time that cannot be read is no reason to send it for ever.
    if (report.from == 0 || (until != nullptr && report.until == 0)) return failed(Fault::noResponse);
    ERR_clear_error();
    return report;
  }
  return failed(Fault::another);
}

Result<DevelopmentCertificate> makeDevelopmentCertificate(const std::vector<std::string>& names, int days) {
  const auto failed = [] { return Error{Errc::system, "OpenSSL makes no certificate: " + pem::lastError(), 0}; };
  ERR_clear_error();
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  if (!key || !certificate) return failed();
  X509* x = certificate.get();
  X509_set_version(x, X509_VERSION_3);
  // Browsers refuse two certificates of one issuer with the same number.
  const std::unique_ptr<BIGNUM, Free<BN_free>> number(BN_new());
  if (!number || BN_rand(number.get(), 120, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) != 1 ||
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(x)) == nullptr)
    return failed();
  X509_gmtime_adj(X509_getm_notBefore(x), -3600);
  X509_time_adj_ex(X509_getm_notAfter(x), days, 0, nullptr);
  X509_set_pubkey(x, key.get());
  const std::unique_ptr<X509_NAME, Free<X509_NAME_free>> subject(X509_NAME_new());
  if (!subject ||
      X509_NAME_add_entry_by_txt(subject.get(), "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>("artel development"), -1, -1, 0) != 1 ||
      X509_set_subject_name(x, subject.get()) != 1 || X509_set_issuer_name(x, subject.get()) != 1)
    return failed();
  std::string alternatives = "DNS:localhost,IP:127.0.0.1,IP:::1";
  const auto add = [&](const std::string& name) {
    ASN1_OCTET_STRING* address = a2i_IPADDRESS(name.c_str());
    alternatives += (address != nullptr ? ",IP:" : ",DNS:") + name;
    ASN1_OCTET_STRING_free(address);
  };
  for (const std::string& name : names) add(name);
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, x, x, nullptr, nullptr, 0);
  const std::pair<int, std::string> extensions[] = {{NID_basic_constraints, "critical,CA:TRUE"},
                                                    {NID_key_usage, "critical,digitalSignature,keyCertSign"},
                                                    {NID_ext_key_usage, "serverAuth,clientAuth"},
                                                    {NID_subject_alt_name, alternatives}};
  for (const auto& [id, value] : extensions) {
    X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
    if (made == nullptr) return failed();
    X509_add_ext(x, made, -1);
    X509_EXTENSION_free(made);
  }
  if (X509_sign(x, key.get(), EVP_sha256()) == 0) return failed();
  const auto text = [](auto&& write) {
    const Memory out(BIO_new(BIO_s_mem()));
    write(out.get());
    char* data = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
  };
  return DevelopmentCertificate{text([&](BIO* out) { PEM_write_bio_X509(out, x); }), text([&](BIO* out) {
                                  PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
                                })};
}

}  // namespace artel::net
