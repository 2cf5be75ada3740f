// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <sst/io/bytes.hpp>
#include <sst/io/csv_format.hpp>
#include <sst/io/text_file.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace detail {

/// No row of a table that is read in pieces is longer: a quote that is not closed, or a device without an
/// end.
constexpr std::size_t longest_row = std::size_t{1} << 25U;

/// The part of a long text that is in memory: UTF-8 without a mark, read from a source piece by piece.
class TextWindow {
 public:
  /// Keeps a reference: `source` has to outlive it. `piece`: bytes that are read at once. Throws DataError
  /// for what is no text.
  TextWindow(ByteSource& source, CsvEncoding encoding, std::size_t piece)
      : source_(source), piece_(std::max<std::size_t>(piece, 1)) {
    constexpr std::size_t telling = 4096;  // bytes by which other formats are known
    take(telling);
    const Letters letters = find_letters(bytes_, encoding, source.name());
    kind_ = letters.kind;
    drop(letters.mark);
    decode();
  }

  std::string_view text() const { return text_; }
  /// Whether the text ends where the window does. Until then its last letter is not blank: what is blank may
  /// be the end of the file, which is no row, and CR may be the first half of a line's end.
  bool ended() const { return ended_; }
  const std::string& name() const { return source_.name(); }

  /// Forgets the first letters of the window, so many bytes of them, and reads on.
  void read_on(std::size_t forgotten) {
    text_.erase(0, forgotten);
    do {
      take(piece_);
      decode();
    } while (!ended_ && ends_blank() && text_.size() < longest_row);
  }

 private:
  bool ends_blank() const {
    return text_.empty() || std::string_view(" \t\r\n").find(text_.back()) != std::string_view::npos;
  }
  void take(std::size_t count) {
    const std::size_t before = bytes_.size();
    bytes_.resize(before + count);
    const std::size_t got = source_.read(reinterpret_cast<unsigned char*>(bytes_.data() + before), count);
    bytes_.resize(before + got);
    ended_ = got < count;
  }
  void decode() { drop(append_letters(text_, bytes_, kind_, ended_, place_, name())); }
  void drop(std::size_t count) {
    bytes_.erase(0, count);
    place_ += count;
  }

  ByteSource& source_;
  std::size_t piece_;
  Letters::Kind kind_ = Letters::Kind::utf8;
  std::string bytes_;        // that are not letters yet
  std::uint64_t place_ = 0;  // of the first of them in the source
  std::string text_;
  bool ended_ = false;
};

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
