// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <sst/base/file.hpp>
#include <sst/base/fingerprint.hpp>
#include <sst/base/folder.hpp>
#include <sst/base/output_file.hpp>
#include <sst/error.hpp>
#include <sst/io/bytes.hpp>
#include <sst/io/held_folder.hpp>
#include <sst/version.hpp>

/// \file
/// Folders whose files belong together: a manifest, in JSON, has settings, the size and checksum of each
/// file, and its own checksum.

namespace sst {
inline namespace SST_ABI {
namespace detail {

using Json = nlohmann::ordered_json;

/// What folders of one kind are: a "model", say, with the manifest "model.json", whose key "sst_model" is the
/// version. `parts` are the other files that one has to have, `options` those that it may have.
struct SealedKind {
  std::string noun, manifest, key;
  int version;
  std::vector<std::string> parts, options;

  std::vector<std::string> names() const {
    std::vector<std::string> all = parts;
    all.insert(all.end(), options.begin(), options.end());
    all.push_back(manifest);
    return all;
  }
};

/// Where a manifest has its own checksum, of 16 digits, which is that of the text with zeros in their place.
inline std::size_t place_of_seal(const std::string& text) {
  constexpr std::string_view key = "\"checksum\": \"";  // no text can hold it: quotes in texts are escaped
  const std::size_t at = text.rfind(key);
  return at == std::string::npos || text.size() < at + key.size() + 16 ? std::string::npos : at + key.size();
}

inline std::string seal(std::string text, std::size_t at) {
  return Fingerprint().add(text.replace(at, 16, 16, '0')).text();
}

/// A manifest as a text with its checksum.
inline std::string sealed(Json manifest) {
  manifest.erase("checksum");
  manifest["checksum"] = std::string(16, '0');
  std::string text = manifest.dump(1) + '\n';
  const std::size_t at = place_of_seal(text);
  return text.replace(at, 16, seal(text, at));
}

/// A sealed folder that is held open: all of it is of one folder, and what a reader gets is what was written.
class SealedFolder {
 public:
  /// Opens all files. Throws DataError when the folder is not of this kind, or of a later version, and when a
  /// file is missing or of another size.
  SealedFolder(std::filesystem::path path, const SealedKind& kind) : path_(std::move(path)), kind_(kind) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(path_, ignored))
      fail("it is not a folder", "name a folder with " + kind.manifest);
    while (!open()) {
    }
  }

  const Json& manifest() const { return manifest_; }
  bool has(const std::string& part) const { return files_.contains(part); }

  /// What read(source) makes of a part, which it may do once. Throws DataError when the part is not what was
  /// written, whatever `read` says about it.
  template <class Read>
  auto read(const std::string& part, Read&& read) {
    HeldFile& file = *files_.at(part);
    std::optional<decltype(read(static_cast<ByteSource&>(file)))> value;
    std::exception_ptr complaint;
    try {
      value.emplace(read(static_cast<ByteSource&>(file)));
    } catch (const Error&) {
      complaint = std::current_exception();
    }
    check(part);
    if (complaint) std::rethrow_exception(complaint);
    return std::move(*value);
  }

  /// Throws DataError when a part that was not read is not what was written.
  void check() const {
    for (const auto& [part, file] : files_) check(part);
  }

  [[noreturn]] void fail(const std::string& why, const std::string& remedy = "save it again") const {
    throw DataError("cannot load the " + kind_.noun + " '" + path_.string() + "' (" + why + "); " + remedy);
  }
  [[noreturn]] void fail_damaged(const std::string& what) const {
    fail(kind_.manifest + " is damaged: " + what);
  }

 private:
  /// False when the folder was replaced meanwhile, and may have lost its files.
  bool open() {
    const HeldFolder folder(path_);
    const auto source = folder.open(kind_.manifest);
    if (!source && folder.replaced()) return false;
    if (!source) fail("it has no " + kind_.manifest, "name a folder that has one");
    std::vector<unsigned char> bytes;
    append_bytes(*source, source->at_most(), bytes);
    parse({bytes.begin(), bytes.end()});
    files_.clear();
    try {
      for (const auto& [part, expected] : manifest_.at("files").items()) {
        auto file = folder.open(part);
        if (!file && folder.replaced()) return false;
        if (!file) fail(part + " is missing");
        if (file->at_most() != expected.at("bytes").template get<std::uint64_t>())
          fail(part + " has " + std::to_string(file->at_most()) + " bytes instead of " +
               expected.at("bytes").dump());
        files_[part] = std::move(file);
      }
    } catch (const nlohmann::json::exception&) {
      fail_damaged("a key is missing or of another type");
    }
    return true;
  }

  void parse(const std::string& text) {
    const auto shallow = [this](int depth, Json::parse_event_t, Json&) {
      if (depth > 16) fail_damaged("it is nested too deeply");
      return true;
    };
    manifest_ = Json::parse(text, shallow, false);
    if (!manifest_.is_object() || !manifest_.contains(kind_.key)) fail_damaged("it has no " + kind_.key);
    if (const Json& found = manifest_[kind_.key]; !found.is_number_integer() || found != kind_.version)
      fail(kind_.manifest + " is of version " + found.dump(-1, ' ', true, Json::error_handler_t::replace) +
               " and this library reads version " + std::to_string(kind_.version),
           "use a later library");
    if (const auto at = place_of_seal(text); at == std::string::npos || text.substr(at, 16) != seal(text, at))
      fail_damaged("its checksum is wrong");
    if (!manifest_.contains("files") || !manifest_["files"].is_object()) fail_damaged("it lists no files");
    const Json& files = manifest_["files"];
    for (const std::string& part : kind_.parts)
      if (!files.contains(part)) fail_damaged("it does not list " + part);
    // A path may lead out of the folder.
    const auto known = kind_.names();
    for (const auto& [part, description] : files.items())
      if (part == kind_.manifest || std::find(known.begin(), known.end(), part) == known.end())
        fail_damaged("it lists " + quote(part));
  }

  void check(const std::string& part) const {
    HeldFile& file = *files_.at(part);
    skip_bytes(file, file.at_most() + 1);
    if (manifest_.at("files").at(part).value("fnv1a64", "") != file.fingerprint().text())
      fail(part + " is damaged: its checksum is wrong");
  }

  std::filesystem::path path_;
  const SealedKind& kind_;
  Json manifest_;
  std::map<std::string, std::unique_ptr<HeldFile>> files_;
};

/// Why a folder is not one that `write_sealed_folder` wrote and nobody changed; nothing when it is.
inline std::string not_sealed(const std::filesystem::path& path, const SealedKind& kind) {
  try {
    const SealedFolder folder(path, kind);
    folder.check();
    const auto unknown = [&](const std::string& part) {
      std::error_code ignored;
      return !folder.has(part) && std::filesystem::exists(path / part, ignored);
    };
    if (std::none_of(kind.options.begin(), kind.options.end(), unknown)) return "";
  } catch (const DataError&) {  // told with the others
  }
  return "it is not a " + kind.noun + ", or was changed since it was written";
}

/// Throws DataError when no folder can be written there; see `write_folder`.
inline void require_sealed_place(const std::filesystem::path& path, const SealedKind& kind) {
  writable_folder(path, kind.names(), [&](const auto& folder) { return not_sealed(folder, kind); });
}

/// Lets fill(folder) write the parts, then adds the manifest, and puts the folder in its place as
/// `write_folder` does: what is there is replaced when it is a complete folder of this kind.
template <class Fill>
void write_sealed_folder(const std::filesystem::path& path, const SealedKind& kind, Json manifest,
                         Fill&& fill) {
  write_folder(
      path, kind.names(), [&](const auto& folder) { return not_sealed(folder, kind); },
      [&](const std::filesystem::path& fresh) {
        fill(fresh);
        const HeldFolder folder(fresh);
        for (const std::string& part : kind.names())
          if (const auto file = folder.open(part)) {
            const std::uint64_t bytes = skip_bytes(*file, file->at_most());
            manifest["files"][part] = {{"bytes", bytes}, {"fnv1a64", file->fingerprint().text()}};
          }
        const std::string text = sealed(std::move(manifest));
        write_file(fresh / kind.manifest, [&](std::ostream& out) { out << text; });
      });
}

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
