// SPDX-License-Identifier: MIT
// Preloaded before a program: sends it a signal at the n-th call that changes a file (KILL_AT, KILL_SIGNAL).
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include <dlfcn.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

std::atomic<long> calls = 0;

long number(const char* name) {
  const char* text = std::getenv(name);
  return text ? std::atol(text) : 0;
}

void here() {
  static const long at = number("KILL_AT"), signal = number("KILL_SIGNAL");
  if (++calls == at) kill(getpid(), static_cast<int>(signal));
}

template <class F>
F next(F, const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

// Before a call and after it: what is torn, and what is done and not yet known to the program.
int rename(const char* from, const char* to) noexcept {
  here();
  const int result = next(&rename, "rename")(from, to);
  const int error = errno;
  here();
  errno = error;
  return result;
}
int mkdir(const char* path, mode_t mode) noexcept {
  here();
  return next(&mkdir, "mkdir")(path, mode);
}
int fsync(int file) {
  here();
  return next(&fsync, "fsync")(file);
}
ssize_t write(int file, const void* from, size_t count) {
  here();
  return next(&write, "write")(file, from, count);
}
ssize_t writev(int file, const iovec* parts, int count) {
  here();
  return next(&writev, "writev")(file, parts, count);
}
long syscall(long which, ...) noexcept {
  va_list list;
  va_start(list, which);
  long a[6];
  for (long& value : a) value = va_arg(list, long);
  va_end(list);
  if (which == SYS_renameat2) here();
  const long result = next(&syscall, "syscall")(which, a[0], a[1], a[2], a[3], a[4], a[5]);
  const int error = errno;
  if (which == SYS_renameat2) here();
  errno = error;
  return result;
}

}  // extern "C"
