// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#ifdef __linux__
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#endif

#include <sst/base/file.hpp>
#include <sst/base/output_file.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

/// \file
/// Folders of files that are written, and replaced, as one.

namespace sst {
inline namespace SST_ABI {
namespace detail {

/// A folder that was made for files of these names, which go with it, and nothing else does.
class TemporaryFolder {
 public:
  /// `path`: nothing has that name yet.
  TemporaryFolder(std::filesystem::path path, const std::vector<std::string>& names, std::error_code& error)
      : path_(std::move(path)) {
    Temporaries::Paths paths;
    for (const std::string& name : names) paths.push_back(path_ / name);
    paths.push_back(path_);
    try {
      temporary_.emplace(std::move(paths), [&] {
        if (!std::filesystem::create_directory(path_, error)) throw NotMade{};
      });
    } catch (const NotMade&) {
      if (!error) error = std::make_error_code(std::errc::file_exists);
    }
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  struct NotMade {};
  std::filesystem::path path_;
  std::optional<Temporary> temporary_;
};

/// Why the folder is not one that has regular files of these names only; nothing when it is.
inline std::string foreign_entry(const std::filesystem::path& folder, const std::vector<std::string>& names) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::is_directory(fs::symlink_status(folder, error))) return "something else has that name";
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (std::find(names.begin(), names.end(), name) == names.end() ||
        !fs::is_regular_file(entry.symlink_status(error)))
      return "it holds " + quote(name) + ", which is not ours";
  }
  return error ? error.message() : "";
}

/// Two folders take one another's names: at once where the system can, so that both names are there at any
/// moment; elsewhere `b` is missing between two of three renames.
inline void exchange_folders(const std::filesystem::path& a, const std::filesystem::path& b,
                             std::error_code& error) {
#ifdef SYS_renameat2
  constexpr unsigned exchange = 2;  // RENAME_EXCHANGE of linux/fs.h
  if (::syscall(SYS_renameat2, AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), exchange) == 0) return error.clear();
  if (errno != EINVAL && errno != ENOSYS) {  // what old kernels and some file systems say
    error.assign(errno, std::generic_category());
    return;
  }
#endif
  const std::filesystem::path aside = sibling(b);
  std::filesystem::rename(b, aside, error);
  if (error) return;
  std::filesystem::rename(a, b, error);
  std::error_code ignored;
  std::filesystem::rename(aside, error ? b : a, ignored);
}

[[noreturn]] inline void fail_to_write_folder(const std::filesystem::path& path, const std::string& why,
                                              const std::string& remedy) {
  throw DataError("cannot write the folder '" + path.string() + "' (" + why + "); " + remedy);
}

/// What links and "model/" stand for. Throws DataError when the folder can be neither made nor replaced: when
/// it is there, it has to be empty, or to have regular files of these names alone and no reason of
/// foreign(folder), a text, against it.
template <class Foreign>
std::filesystem::path writable_folder(const std::filesystem::path& path,
                                      const std::vector<std::string>& names, Foreign&& foreign) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path target = fs::absolute(path, error);  // what does not exist has no parent otherwise
  if (!error) target = fs::weakly_canonical(target, error);
  if (error || target.empty()) fail_to_write_folder(path, "it is not a path", "choose another name");
  if (!target.has_filename()) target = target.parent_path();
  if (!fs::exists(fs::symlink_status(target, error))) {
    if (!fs::is_directory(target.parent_path(), error))
      fail_to_write_folder(path, "there is no folder '" + target.parent_path().string() + "'",
                           "create it first");
    return target;
  }
  std::string why = foreign_entry(target, names);
  if (why.empty() && fs::equivalent(target, fs::current_path(error), error)) why = "it is the current folder";
  if (why.empty() && !fs::is_empty(target, error)) why = foreign(static_cast<const fs::path&>(target));
  if (!why.empty()) fail_to_write_folder(path, why, "choose another name, or move what is there");
  return target;
}

/// Lets fill(folder) write files of these names into a temporary folder beside `path`, then puts it there: a
/// reader finds nothing, the old folder or the complete new one. What is not ours, as `writable_folder`
/// tells, is an error and stays as it is.
template <class Foreign, class Fill>
void write_folder(const std::filesystem::path& path, const std::vector<std::string>& names, Foreign&& foreign,
                  Fill&& fill) {
  namespace fs = std::filesystem;
  const fs::path target = writable_folder(path, names, foreign);
  std::error_code error;
  const TemporaryFolder fresh(sibling(target), names, error);
  if (!error) fill(fresh.path());

  constexpr int patience = 1000;  // others may save there at the same time: the last one stays
  for (int attempt = 0; attempt < patience && !error; ++attempt) {
    writable_folder(path, names, foreign);
    Temporaries::all().step([&] {  // where there is nothing, or an empty folder
      fs::rename(fresh.path(), target, error);
    });
    if (!error) return;
    if (std::error_code ignored; !fs::exists(target, ignored)) break;
    fs::permissions(fresh.path(), fs::status(target, error).permissions(), error);
    Temporaries::all().step([&] { exchange_folders(fresh.path(), target, error); });
    if (error == std::errc::no_such_file_or_directory) {
      error.clear();
      continue;
    }
    if (error) break;
    const std::string late = foreign_entry(fresh.path(), names);
    if (late.empty()) return;
    Temporaries::all().step([&] { exchange_folders(fresh.path(), target, error); });
    fail_to_write_folder(path, late, "choose another name, or move what is there");
  }
  fail_to_write_folder(path, error ? error.message() : "others write it all the time",
                       "choose a place that exists, is writable and has room");
}

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
