#include "platform/posix/stack.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>

#if __has_include(<link.h>) && __has_include(<sys/auxv.h>)
#  include <dlfcn.h>
#  include <elf.h>
#  include <fcntl.h>
#  include <link.h>
#  include <sys/auxv.h>
#  include <sys/mman.h>
#  include <sys/stat.h>
#  include <unistd.h>
#  include <unwind.h>

#  include <climits>

namespace artel::platform {
namespace {

constexpr std::size_t mostFrames = 64;
constexpr std::size_t deepest =
    1'000'000;  ///< of a stack that has overflowed: the recursion's beginning is worth a wait

char programPath[PATH_MAX + 1] = "program";
const void* programBase = nullptr;

struct Frame {
  std::uintptr_t at;
  std::size_t times;  ///< in a row: a function that calls itself
};
struct Frames {
  Frame all[mostFrames];
  std::size_t count = 0, seen = 0;
  bool more = false;
  bool interrupted = false;  ///< what follows is the stack that the signal met; before it there were ours
};

_Unwind_Reason_Code eachFrame(_Unwind_Context* context, void* data) {
  auto& frames = *static_cast<Frames*>(data);
  int exact = 0;
  const std::uintptr_t at = _Unwind_GetIPInfo(context, &exact);
  // Only the frame that a signal has interrupted stands at an instruction of its own; others stand behind a call.
  if (exact != 0 && !frames.interrupted) {
    frames.interrupted = true;
    frames.count = 0;
  }
  if (at == 0 && exact == 0) return _URC_END_OF_STACK;
  const Frame frame{exact != 0 ? at : at - 1, 1};
  if (frames.count > 0 && frames.all[frames.count - 1].at == frame.at) {
    ++frames.all[frames.count - 1].times;
  } else if (frames.count == mostFrames) {
    frames.more = true;
    return _URC_END_OF_STACK;
  } else {
    frames.all[frames.count++] = frame;
  }
  return ++frames.seen < deepest ? _URC_NO_REASON : _URC_END_OF_STACK;
}

/// The program's own symbols, read from its file: those of static functions and lambdas are not loaded.
class ProgramSymbols {
 public:
  ProgramSymbols() noexcept {
    const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct stat info {};
    if (file >= 0 && ::fstat(file, &info) == 0 && info.st_size > 0) {
      size_ = static_cast<std::size_t>(info.st_size);
      void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
      bytes_ = mapped == MAP_FAILED ? nullptr : static_cast<const char*>(mapped);
    }
    if (file >= 0) ::close(file);
    find();
  }
  ~ProgramSymbols() {
    if (bytes_ != nullptr) ::munmap(const_cast<char*>(bytes_), size_);
  }
  ProgramSymbols(const ProgramSymbols&) = delete;
  ProgramSymbols& operator=(const ProgramSymbols&) = delete;

  /// `address` as the file has it; "" when no function is there.
  std::string_view functionAt(std::uintptr_t address) const noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
      const auto& symbol = symbols_[i];
      if ((symbol.st_info & 0xf) != STT_FUNC || address < symbol.st_value ||
          address - symbol.st_value >= symbol.st_size || symbol.st_name >= namesSize_)
        continue;
      const char* name = names_ + symbol.st_name;
      return {name, strnlen(name, namesSize_ - symbol.st_name)};
    }
    return {};
  }

 private:
  /// The file may be damaged, or not be what is running: nothing in it is believed.
  template <class T>
  const T* at(std::uint64_t offset, std::uint64_t count) const noexcept {
    if (bytes_ == nullptr || offset > size_ || offset % alignof(T) != 0 || count > (size_ - offset) / sizeof(T))
      return nullptr;
    return reinterpret_cast<const T*>(bytes_ + offset);
  }
  void find() noexcept {
    const auto* header = at<ElfW(Ehdr)>(0, 1);
    const auto* sections = header != nullptr ? at<ElfW(Shdr)>(header->e_shoff, header->e_shnum) : nullptr;
    for (std::size_t i = 0; sections != nullptr && i < header->e_shnum; ++i) {
      const auto& section = sections[i];
      if (section.sh_type != SHT_SYMTAB || section.sh_link >= header->e_shnum) continue;
      const auto& names = sections[section.sh_link];
      symbols_ = at<ElfW(Sym)>(section.sh_offset, section.sh_size / sizeof(ElfW(Sym)));
      names_ = at<char>(names.sh_offset, names.sh_size);
      if (symbols_ == nullptr || names_ == nullptr) return;
      count_ = section.sh_size / sizeof(ElfW(Sym));
      namesSize_ = names.sh_size;
      return;
    }
  }

  const char* bytes_ = nullptr;
  std::size_t size_ = 0, count_ = 0, namesSize_ = 0;
  const ElfW(Sym) * symbols_ = nullptr;
  const char* names_ = nullptr;
};

/// What addr2line takes: a position-independent object counts from its beginning, a fixed one as it is loaded.
std::uintptr_t inFile(std::uintptr_t address, const void* base) noexcept {
  const auto* header = static_cast<const ElfW(Ehdr)*>(base);
  return header->e_type == ET_DYN ? address - reinterpret_cast<std::uintptr_t>(base) : address;
}

std::string_view lastName(const char* path) noexcept {
  const std::string_view whole(path);
  const auto slash = whole.rfind('/');
  return slash == std::string_view::npos ? whole : whole.substr(slash + 1);
}

}  // namespace

void prepareStacks() noexcept {
  if (programBase != nullptr) return;
  const ssize_t size = ::readlink("/proc/self/exe", programPath, PATH_MAX);
  if (size > 0) programPath[size] = '\0';
  Dl_info info{};
  // An address of the kernel's, and later those of the stack, come as numbers.
  void* headers = reinterpret_cast<void*>(::getauxval(AT_PHDR));  // NOLINT(performance-no-int-to-ptr)
  if (::dladdr(headers, &info) != 0) programBase = info.dli_fbase;
  Frames frames;
  _Unwind_Backtrace(eachFrame, &frames);
}

void addStack(StackText& text) noexcept {
  Frames frames;
  _Unwind_Backtrace(eachFrame, &frames);
  const ProgramSymbols symbols;
  FixedText<mostFrames * 20> offsets;  // 16 digits, "0x" and a space
  for (std::size_t i = 0; i < frames.count; ++i) {
    const auto [at, times] = frames.all[i];
    Dl_info info{};
    void* place = reinterpret_cast<void*>(at);  // NOLINT(performance-no-int-to-ptr)
    const bool known = ::dladdr(place, &info) != 0 && info.dli_fbase != nullptr;
    const bool ours = known && info.dli_fbase == programBase;
    const std::uintptr_t offset = known ? inFile(at, info.dli_fbase) : at;
    std::string_view function = ours ? symbols.functionAt(offset) : std::string_view();
    if (function.empty() && known && info.dli_sname != nullptr) function = info.dli_sname;
    text.add("  #").add(i).add(i < 10 ? "   " : "  ").add(function.empty() ? "?" : function).add("  ");
    if (ours)
      text.add(lastName(programPath)).add("+");
    else if (known)
      text.add(lastName(info.dli_fname)).add("+");
    text.addHex(offset);
    if (times > 1) text.add("  (").add(times).add(" times)");
    text.add("\n");
    if (ours) offsets.add(" ").addHex(offset);
  }
  if (frames.more) text.add("  ... and so on\n");
  if (!offsets.view().empty())
    text.add("  source lines: addr2line -Cfpie ").add(programPath).add(offsets.view()).add("\n");
}

}  // namespace artel::platform

#else  // no ELF, or no C library that tells where its objects are

namespace artel::platform {
void prepareStacks() noexcept {}
void addStack(StackText& text) noexcept { text.add("  (no stack on this system)\n"); }
}  // namespace artel::platform

#endif
