// Which sanitizer this was built with: they bring threads and signal handlers of their own.
#pragma once

// ThreadSanitizer runs a thread of its own; AddressSanitizer runs none by default.
#if defined(__SANITIZE_THREAD__)
#  define ARTEL_TSAN 1
#elif defined(__has_feature)
#  if __has_feature(thread_sanitizer)
#    define ARTEL_TSAN 1
#  endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#  define ARTEL_ASAN 1
#elif defined(__has_feature)
#  if __has_feature(address_sanitizer)
#    define ARTEL_ASAN 1
#  endif
#endif

namespace artel::platform {

#ifdef ARTEL_TSAN
inline constexpr bool threadSanitizer = true;  ///< signals reach their handlers only when the program calls the system
#else
inline constexpr bool threadSanitizer = false;
#endif
#if defined(ARTEL_TSAN) || defined(ARTEL_ASAN)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace artel::platform
