#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "platform/platform.hpp"
#include "platform/posix/system_error.hpp"

namespace artel::platform {

Result<UserIds> findUser(const std::string& user, const std::string& group) {
  UserIds ids;
  ids.user = ::geteuid();
  ids.group = ::getegid();
  if (!user.empty()) {
    const passwd* entry = ::getpwnam(user.c_str());
    if (entry == nullptr) return Error{Errc::badAddress, "there is no user \"" + user + "\"", 0};
    ids.name = user;
    ids.user = entry->pw_uid;
    ids.group = entry->pw_gid;
  }
  if (!group.empty()) {
    const struct group* entry = ::getgrnam(group.c_str());
    if (entry == nullptr) return Error{Errc::badAddress, "there is no group \"" + group + "\"", 0};
    ids.group = entry->gr_gid;
  }
  const bool same = ids.user == ::geteuid() && ids.group == ::getegid();
  if (!same && ::geteuid() != 0)
    return Error{Errc::permissionDenied, "only root may run workers as " + (user.empty() ? group : user), EPERM};
  return ids;
}

namespace {
std::string nameOf(uid_t user) {
  const passwd* entry = ::getpwuid(user);
  return entry != nullptr ? entry->pw_name : std::to_string(user);
}
}  // namespace

std::string userName() { return nameOf(::geteuid()); }

std::string fileOwner(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 ? nameOf(found.st_uid) : "";
}

Result<void> becomeUser(const UserIds& ids) {
  if (::geteuid() != 0) return {};  // findUser has seen that it is the same one
  const auto group = static_cast<gid_t>(ids.group);
  const int groups = ids.name.empty() ? ::setgroups(1, &group) : ::initgroups(ids.name.c_str(), group);
  if (groups != 0 || ::setgid(group) != 0 || ::setuid(static_cast<uid_t>(ids.user)) != 0) return systemError(errno);
  if (ids.user != 0 && ::setuid(0) == 0) return Error{Errc::system, "root could be taken back", 0};
  return {};
}

}  // namespace artel::platform
