/* Preloaded into a service: what the kernel may do to every call, and hardly ever does.
   ARTEL_FAULT_SHORT: sockets take and give one byte (sometimes a few), and every third call of any kind is interrupted.
   ARTEL_FAULT_CLOCK=FILE: the wall clock is off by the seconds in FILE.
   ARTEL_FAULT_ENFILE=FILE: while FILE exists, accept finds no free file in the whole system. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) (real ? real : __extension__({ real = (__typeof__(real))dlsym(RTLD_NEXT, name); real; }))

static int calls;

static int shortened(void) {
  static int known = -1;
  if (known < 0) known = getenv("ARTEL_FAULT_SHORT") != NULL;
  return known;
}

static int interrupted(void) {
  if (!shortened() || ++calls % 3 != 0) return 0;
  errno = EINTR;
  return 1;
}

static int isStream(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

/* How much of it this time. */
static size_t part(int fd, size_t size) {
  if (!shortened() || size < 2 || !isStream(fd)) return size;
  size_t most = calls % 7 == 0 ? 3 : 1;
  return most < size ? most : size;
}

ssize_t read(int fd, void* to, size_t size) {
  static ssize_t (*real)(int, void*, size_t);
  return interrupted() ? -1 : REAL("read")(fd, to, part(fd, size));
}

ssize_t write(int fd, const void* from, size_t size) {
  static ssize_t (*real)(int, const void*, size_t);
  return interrupted() ? -1 : REAL("write")(fd, from, part(fd, size));
}

ssize_t recv(int fd, void* to, size_t size, int flags) {
  static ssize_t (*real)(int, void*, size_t, int);
  return interrupted() ? -1 : REAL("recv")(fd, to, part(fd, size), flags);
}

ssize_t send(int fd, const void* from, size_t size, int flags) {
  static ssize_t (*real)(int, const void*, size_t, int);
  return interrupted() ? -1 : REAL("send")(fd, from, part(fd, size), flags);
}

ssize_t readv(int fd, const struct iovec* to, int count) {
  static ssize_t (*real)(int, const struct iovec*, int);
  return interrupted() ? -1 : REAL("readv")(fd, to, count);
}

ssize_t writev(int fd, const struct iovec* from, int count) {
  static ssize_t (*real)(int, const struct iovec*, int);
  if (interrupted()) return -1;
  if (count > 0 && shortened() && isStream(fd)) {
    struct iovec first = *from;
    first.iov_len = part(fd, first.iov_len);
    return REAL("writev")(fd, &first, 1);
  }
  return REAL("writev")(fd, from, count);
}

ssize_t sendmsg(int fd, const struct msghdr* message, int flags) {
  static ssize_t (*real)(int, const struct msghdr*, int);
  return interrupted() ? -1 : REAL("sendmsg")(fd, message, flags);
}

ssize_t recvmsg(int fd, struct msghdr* message, int flags) {
  static ssize_t (*real)(int, struct msghdr*, int);
  return interrupted() ? -1 : REAL("recvmsg")(fd, message, flags);
}

int epoll_wait(int fd, struct epoll_event* events, int most, int timeout) {
  static int (*real)(int, struct epoll_event*, int, int);
  return interrupted() ? -1 : REAL("epoll_wait")(fd, events, most, timeout);
}

int epoll_pwait(int fd, struct epoll_event* events, int most, int timeout, const sigset_t* mask) {
  static int (*real)(int, struct epoll_event*, int, int, const sigset_t*);
  return interrupted() ? -1 : REAL("epoll_pwait")(fd, events, most, timeout, mask);
}

int accept4(int fd, struct sockaddr* peer, socklen_t* size, int flags) {
  static int (*real)(int, struct sockaddr*, socklen_t*, int);
  const char* none = getenv("ARTEL_FAULT_ENFILE");
  if (none && isStream(fd) && access(none, F_OK) == 0) {
    struct sockaddr_storage own;
    socklen_t length = sizeof own;
    if (getsockname(fd, (struct sockaddr*)&own, &length) == 0 && own.ss_family == AF_INET) {
      errno = ENFILE;
      return -1;
    }
  }
  return interrupted() ? -1 : REAL("accept4")(fd, peer, size, flags);
}

static long offset(void) {
  const char* path = getenv("ARTEL_FAULT_CLOCK");
  FILE* file = path ? fopen(path, "re") : NULL;
  long seconds = 0;
  if (file && fscanf(file, "%ld", &seconds) != 1) seconds = 0;
  if (file) fclose(file);
  return seconds;
}

int clock_gettime(clockid_t clock, struct timespec* to) {
  static int (*real)(clockid_t, struct timespec*);
  int result = REAL("clock_gettime")(clock, to);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) to->tv_sec += offset();
  return result;
}

time_t time(time_t* to) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (to) *to = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(struct timeval* restrict to, void* restrict zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  to->tv_sec = now.tv_sec;
  to->tv_usec = now.tv_nsec / 1000;
  return 0;
}
