// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <istream>
#include <string>
#include <string_view>
#include <utility>

#include <sst/base/file.hpp>
#include <sst/error.hpp>
#include <sst/io/csv_format.hpp>
#include <sst/version.hpp>

/// \file
/// What a file is that should be a table of text, and its letters.

namespace sst {
inline namespace SST_ABI {
namespace detail {

/// What a file is that is no table of text, and what to do; empty when nothing speaks against it.
struct ForeignFormat {
  std::string_view is, remedy;
};

/// The words of a first line of libsvm: "+1 1:0.5 3:1".
inline bool is_libsvm(std::string_view text) {
  const std::string_view line = text.substr(0, text.find_first_of("\r\n"));
  const std::size_t colon = line.find(':');
  if (colon == line.npos || line.find(',') != line.npos) return false;
  const std::size_t blank = line.rfind(' ', colon);
  const auto digits = [](std::string_view word) {
    return !word.empty() && word.find_first_not_of("0123456789") == word.npos;
  };
  return blank != line.npos && blank > 0 && digits(line.substr(blank + 1, colon - blank - 1)) &&
         colon + 1 < line.size() && std::strchr("0123456789.-+", line[colon + 1]) &&
         line.substr(0, blank).find_first_not_of("0123456789.+-e ") == line.npos;
}

/// By its first bytes; `name` is the file's.
inline ForeignFormat foreign_format(std::string_view text, std::string_view name) {
  using namespace std::string_view_literals;
  constexpr std::string_view save = "save it as CSV where it was made", unpack = "unpack it first",
                             picture =
                                 "tables have numbers and words; docs/images.md has the way for pictures";
  const std::string_view head = text.substr(0, 4096);
  const auto has = [&](std::string_view word) { return head.find(word) != head.npos; };
  if (head.starts_with("PK\3\4"sv)) {
    if (name.ends_with(".xlsx") || has("xl/") || has("[Content_Types].xml"))
      return {"an Excel workbook", "save it as CSV in Excel"};
    if (has("opendocument")) return {"a spreadsheet of OpenDocument", "save it as CSV in its program"};
    if (has(".npy")) return {"an NPZ archive of numpy", "save one array with numpy.save or numpy.savetxt"};
    return {"a ZIP archive", unpack};
  }
  struct Mark {
    std::string_view start, is, remedy;
  };
  // A mark of plain letters may be a column's name.
  const bool binary = std::any_of(head.begin(), head.end(), [](char c) { return c >= 0 && c < '\t'; });
  for (const Mark& mark : std::initializer_list<Mark>{
           {"\x1F\x8B", "compressed with gzip", "unpack it with gunzip, or read it with read_gzip_text"},
           {"BZh", "compressed with bzip2", "unpack it with bunzip2"},
           {"\xFD"
            "7zXZ",
            "compressed with xz", "unpack it with unxz"},
           {"\x28\xB5\x2F\xFD", "compressed with zstd", "unpack it with unzstd"},
           {"\xD0\xCF\x11\xE0", "an old Excel workbook or another file of Office", "save it as CSV in Excel"},
           {"\x93NUMPY", "an NPY file of numpy",
            "name it .npy where a program takes those, or save it with numpy.savetxt"},
           {"\x89PNG", "a picture (PNG)", picture},
           {"\xFF\xD8\xFF", "a picture (JPEG)", picture},
           {"GIF8", "a picture (GIF)", picture},
           {"II*\0"sv, "a picture (TIFF)", picture},
           {"MM\0*"sv, "a picture (TIFF)", picture},
           {"RIFF", "a picture or a sound (RIFF)", picture},
           {"%PDF", "a PDF document", save},
           {"\x89HDF", "an HDF5 file", save},
           {"PAR1", "a Parquet file", save},
           {"ARROW1", "an Arrow file", save},
           {"FEA1", "a Feather file", save},
           {"SQLite format 3", "an SQLite database", save},
           {"MATLAB 5.0 MAT-file", "a MATLAB file", save},
           {"RDX", "an R workspace", save},
           {"RDA", "an R workspace", save},
           {"\x80\x02", "a pickle of Python", save},
           {"\x80\x03", "a pickle of Python", save},
           {"\x80\x04", "a pickle of Python", save},
           {"\x80\x05", "a pickle of Python", save},
           {"\x7F"
            "ELF",
            "a program", "give a table"},
           {"version https://git-lfs", "a pointer of Git LFS", "get the file itself with git lfs pull"},
           {"%%MatrixMarket", "a Matrix Market file", save}})
    if (head.starts_with(mark.start) &&
        (binary || std::isupper(static_cast<unsigned char>(mark.start[0])) == 0))
      return {mark.is, mark.remedy};
  const std::string_view body = head.substr(skip(head, " \t\r\n", 0));
  const auto lower = [&](std::size_t at, std::size_t count) {
    std::string word(body.substr(std::min(at, body.size()), count));
    std::transform(word.begin(), word.end(), word.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return word;
  };
  const std::size_t second = skip(body, " \t\r\n", std::min<std::size_t>(body.size(), 1));
  const char next = second < body.size() ? body[second] : ' ';
  if ((body.starts_with('{') && (next == '"' || next == '}')) ||
      (body.starts_with('[') && next != ' ' && std::strchr("[{\"-0123456789", next)))
    return {"JSON", "write its rows as CSV"};
  if (lower(0, 9) == "@relation") return {"an ARFF file of Weka", "keep what follows @data and name it .csv"};
  if (body.starts_with('%') && has("@")) {
    std::size_t line = 0;
    while (line < body.size() && body[line] == '%')
      line = skip(body, "\r\n", std::min(body.find_first_of("\r\n", line), body.size()));
    if (lower(line, 9) == "@relation")
      return {"an ARFF file of Weka", "keep what follows @data and name it .csv"};
  }
  if (const std::string tag = lower(0, 6); tag.starts_with("<?xml") || tag.starts_with("<html") ||
                                           tag.starts_with("<!doct") || tag.starts_with("<table"))
    return {"a page of HTML or XML", "get the file itself, as CSV"};
  if (is_libsvm(body)) return {"a libsvm file", "write every row in full, with the label as a column"};
  return {};
}

/// Whether a file that starts with this text could be taken for another format, whatever follows: by its
/// mark, or by a bracket.
inline bool may_be_foreign(std::string_view start) {
  const auto first = static_cast<unsigned char>(start.empty() ? 0 : start.front());
  return (first < 0x80 && !std::isalnum(first) && !std::strchr("_+-.", first)) ||
         !foreign_format(std::string(start) + '\1', "").is.empty();
}

inline void append_utf8(std::string& out, std::uint32_t letter) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (letter < 0x80) return put(letter);
  if (letter < 0x800) {
    put(0xC0 | letter >> 6U);
  } else if (letter < 0x10000) {
    put(0xE0 | letter >> 12U);
    put(0x80 | (letter >> 6U & 0x3F));
  } else {
    put(0xF0 | letter >> 18U);
    put(0x80 | (letter >> 12U & 0x3F));
    put(0x80 | (letter >> 6U & 0x3F));
  }
  put(0x80 | (letter & 0x3F));
}

/// Where the first byte is that is not UTF-8; npos where all are.
inline std::size_t first_not_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    std::uint64_t eight = 0;
    if (at + 8 <= text.size()) {
      std::memcpy(&eight, text.data() + at, 8);
      if ((eight & 0x8080808080808080U) == 0) {
        at += 8;
        continue;
      }
    }
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80) {
      ++at;
      continue;
    }
    const std::size_t more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
    if (byte < 0xC2 || byte > 0xF4 || at + more >= text.size()) return at;
    std::uint32_t letter = byte & (0x3FU >> more);
    for (std::size_t i = 1; i <= more; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      if ((next & 0xC0U) != 0x80U) return at;
      letter = letter << 6U | (next & 0x3FU);
    }
    if ((more == 2 && letter < 0x800) || (more == 3 && (letter < 0x10000 || letter > 0x10FFFF)) ||
        (letter >= 0xD800 && letter < 0xE000))
      return at;
    at += more + 1;
  }
  return std::string_view::npos;
}

/// How bytes stand for letters, behind a mark of so many bytes.
struct Letters {
  enum class Kind { utf8, latin1, utf16_little, utf16_big };
  Kind kind = Kind::utf8;
  std::size_t mark = 0;
};

/// By the first bytes of a file, 4096 of them if it has as many. Throws DataError for what is no text:
/// another format, by its name.
inline Letters find_letters(std::string_view start, CsvEncoding encoding, const std::string& source) {
  if (start.starts_with("\xFF\xFE")) return {Letters::Kind::utf16_little, 2};
  if (start.starts_with("\xFE\xFF")) return {Letters::Kind::utf16_big, 2};
  if (const ForeignFormat found = foreign_format(start, source); !found.is.empty())
    throw DataError("cannot read '" + source + "' as a table of text (it is " + std::string(found.is) +
                    "); " + std::string(found.remedy));
  if (start.size() >= 4 && (start[0] == 0) == (start[2] == 0) && (start[1] == 0) == (start[3] == 0) &&
      (start[0] == 0) != (start[1] == 0))
    throw DataError("cannot read '" + source +
                    "' as a table of text (it is UTF-16 without a mark); save it as UTF-8");
  return {encoding == CsvEncoding::utf8 ? Letters::Kind::utf8 : Letters::Kind::latin1,
          start.starts_with("\xEF\xBB\xBF") ? std::size_t{3} : 0};
}

/// Appends the letters of UTF-16 that are whole, and returns how many bytes they took: all but half a letter
/// at the end, which is an error (DataError) where these are the `last` bytes. `place`: the first one's in
/// the file.
inline std::size_t append_utf16(std::string& out, std::string_view bytes, bool big, bool last,
                                std::uint64_t place, const std::string& source) {
  const auto unit = [&](std::size_t at) {
    const auto low = static_cast<unsigned char>(bytes[at + (big ? 1 : 0)]);
    const auto high = static_cast<unsigned char>(bytes[at + (big ? 0 : 1)]);
    return static_cast<std::uint32_t>(high) << 8U | low;
  };
  const auto fail = [&](std::size_t at) {
    throw DataError(source + " is UTF-16 and damaged (half a letter at byte " + std::to_string(place + at) +
                    "); save it again, as UTF-8");
  };
  std::size_t at = 0;
  while (at + 2 <= bytes.size()) {
    std::uint32_t letter = unit(at);
    const bool pair = letter >= 0xD800 && letter < 0xE000;
    if (pair && at + 4 > bytes.size() && !last) return at;
    if (pair) {
      const std::uint32_t second = letter < 0xDC00 && at + 4 <= bytes.size() ? unit(at + 2) : 0;
      if (second < 0xDC00 || second >= 0xE000) fail(at);
      letter = 0x10000 + ((letter - 0xD800) << 10U) + (second - 0xDC00);
    }
    at += pair ? 4 : 2;
    append_utf8(out, letter);
  }
  if (last && at < bytes.size()) fail(at);
  return at;
}

/// Appends these bytes, which stand behind the mark, as UTF-8; else as `append_utf16`. Bytes that are not
/// UTF-8 stay: the scanner knows their row and column.
inline std::size_t append_letters(std::string& out, std::string_view bytes, Letters::Kind kind, bool last,
                                  std::uint64_t place, const std::string& source) {
  switch (kind) {
    case Letters::Kind::utf8:
      out += bytes;
      break;
    case Letters::Kind::latin1:
      for (const char c : bytes) append_utf8(out, static_cast<unsigned char>(c));
      break;
    default:
      return append_utf16(out, bytes, kind == Letters::Kind::utf16_big, last, place, source);
  }
  return bytes.size();
}

/// A text as UTF-8 without a mark. Throws DataError as the above.
inline std::string table_text(std::string bytes, CsvEncoding encoding, const std::string& source) {
  const Letters letters = find_letters(bytes, encoding, source);
  if (letters.kind == Letters::Kind::utf8) return bytes.erase(0, letters.mark);
  std::string out;
  out.reserve(bytes.size());
  append_letters(out, std::string_view(bytes).substr(letters.mark), letters.kind, true, letters.mark, source);
  return out;
}

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
