// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <sst/base/file.hpp>
#include <sst/base/output_file.hpp>
#include <sst/error.hpp>
#include <sst/io/bytes.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

static_assert(std::endian::native == std::endian::little,
              "npy.hpp reads and writes on little-endian hosts only");
static_assert(sizeof(float) == 4 && sizeof(double) == 8, "npy.hpp needs IEEE floats");

/// The array of an NPY file.
struct NpyArray {
  std::vector<std::size_t> shape;  ///< empty for a single number
  std::vector<double> values;      ///< in C order (the last index runs fastest), whatever the file's
};

namespace detail {

/// An NPY file behind its header, which has been checked against the file's size.
class NpyReader {
 public:
  /// `in`: a file of the size that it tells.
  explicit NpyReader(ByteSource& in) : in_(in) {
    const std::uint64_t size = in.at_most();
    std::array<char, 12> start{};
    if (!take_bytes(start.data(), 8) || std::memcmp(start.data(), "\x93NUMPY", 6) != 0)
      fail("it does not start with \\x93NUMPY", "write it with numpy.save");
    const int version = static_cast<unsigned char>(start[6]), minor = static_cast<unsigned char>(start[7]);
    if (version < 1 || version > 3 || minor != 0)
      fail("format version " + std::to_string(version) + "." + std::to_string(minor),
           "use version 1.0, 2.0 or 3.0");
    const std::size_t prefix = version == 1 ? 10 : 12;
    if (!take_bytes(start.data() + 8, prefix - 8)) fail("it ends within the header", "write it again");
    std::uint32_t length = 0;
    std::memcpy(&length, start.data() + 8, prefix - 8);
    if (length > size - prefix)
      fail("a header of " + std::to_string(length) + " bytes in a file of " + std::to_string(size),
           "write it again");
    header_.resize(length);
    if (!take_bytes(header_.data(), length)) fail("it ends within the header", "write it again");
    parse_header();
    data_ = prefix + length;
    check_size(size - data_);
  }

  const std::string& name() const { return in_.name(); }
  const std::vector<std::size_t>& shape() const { return shape_; }
  bool fortran_order() const { return fortran_order_; }
  std::size_t count() const { return count_; }

  /// Throws DataError unless it is a matrix, or a vector, which becomes a column, with an entry at least.
  void require_matrix() const {
    if (shape_.empty() || shape_.size() > 2)
      fail("it has " + std::to_string(shape_.size()) + " dimensions", "give a matrix or a vector");
    if (count_ == 0) fail("it has no entries", "give one sample a row");
  }
  Eigen::Index rows() const { return static_cast<Eigen::Index>(shape_[0]); }
  Eigen::Index cols() const { return shape_.size() == 2 ? static_cast<Eigen::Index>(shape_[1]) : 1; }

  /// Calls use(value) with each number in the order of the file.
  template <class Use>
  void for_each(Use&& use) {
    take(count_, use);
  }
  /// Goes to a number, by its place in the file counted from 0; false where the source cannot.
  bool seek(std::size_t place) { return in_.seek(data_ + place * width()); }
  /// Calls use(value) with each of the next numbers.
  template <class Use>
  void take(std::size_t count, Use&& use) {
    const std::string_view type = std::string_view(type_).substr(1);
    if (type == "f8") return read<double, std::uint64_t>(count, use);
    if (type == "f4") return read<float, std::uint32_t>(count, use);
    if (type == "f2") return read<Half, std::uint16_t>(count, use);
    if (type == "i8") return read<std::int64_t, std::uint64_t>(count, use);
    if (type == "i4") return read<std::int32_t, std::uint32_t>(count, use);
    if (type == "i2") return read<std::int16_t, std::uint16_t>(count, use);
    if (type == "i1") return read<std::int8_t, std::uint8_t>(count, use);
    if (type == "u8") return read<std::uint64_t, std::uint64_t>(count, use);
    if (type == "u4") return read<std::uint32_t, std::uint32_t>(count, use);
    if (type == "u2") return read<std::uint16_t, std::uint16_t>(count, use);
    if (type == "b1") return read<Truth, std::uint8_t>(count, use);
    read<std::uint8_t, std::uint8_t>(count, use);
  }

  [[noreturn]] void fail(const std::string& why, const std::string& remedy) const {
    throw DataError("cannot read '" + name() + "' as NPY (" + why + "); " + remedy);
  }

 private:
  bool take_bytes(void* bytes, std::size_t count) {
    return in_.read(static_cast<unsigned char*>(bytes), count) == count;
  }

  template <class Stored, class Bits, class Use>
  void read(std::size_t count, Use& use) {
    std::array<Bits, 4096> block;
    const bool swap = type_[0] == '>';
    for (std::size_t done = 0; done < count;) {
      const std::size_t n = std::min(block.size(), count - done);
      if (!take_bytes(block.data(), n * sizeof(Bits)))
        fail("reading broke off after " + std::to_string(done) + " numbers", "check the device");
      for (std::size_t i = 0; i < n; ++i) {
        if (swap) {
          auto* const bytes = reinterpret_cast<unsigned char*>(&block[i]);
          std::reverse(bytes, bytes + sizeof(Bits));
        }
        const auto value = std::bit_cast<Stored>(block[i]);
        if constexpr (std::is_integral_v<Stored> && sizeof(Stored) == 8) {
          constexpr auto exact = Stored{1} << 53U;
          if (value > exact || (std::is_signed_v<Stored> && value < Stored{0} - exact))
            fail("the integer " + std::to_string(value) + " does not fit into a double", "rescale the array");
        }
        use(static_cast<double>(value));
      }
      done += n;
    }
  }

  /// A number of half precision (IEEE 754: 1 bit of sign, 5 of exponent, 10 of fraction).
  struct Half {
    std::uint16_t bits;
    explicit operator double() const {
      const int exponent = bits >> 10U & 31U, fraction = bits & 1023U;
      double size = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
      if (exponent == 31)
        size = fraction == 0 ? std::numeric_limits<double>::infinity()
                             : std::numeric_limits<double>::quiet_NaN();
      return bits >> 15U != 0 ? -size : size;
    }
  };
  /// True or False, as 1 or 0.
  struct Truth {
    std::uint8_t byte;
    explicit operator double() const { return byte != 0 ? 1 : 0; }
  };

  // The header is the literal of a Python dict: {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }
  void parse_header() {
    bool has_type = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = text();
      expect(':');
      if (key == "descr" && !std::exchange(has_type, true)) {
        parse_type();
      } else if (key == "fortran_order" && !std::exchange(has_order, true)) {
        fortran_order_ = boolean();
      } else if (key == "shape" && !std::exchange(has_shape, true)) {
        parse_shape();
      } else {
        malformed("the key " + quote(key) + " is unknown or repeated");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_blanks();
    if (at_ < header_.size()) malformed("text follows the dictionary");
    if (!has_type || !has_order || !has_shape) malformed("descr, fortran_order or shape is missing");
  }

  void parse_type() {
    skip_blanks();
    if (at_ < header_.size() && header_[at_] == '[')
      fail("a structured array", "save a plain array of numbers");
    type_ = text();
    constexpr std::string_view known = "f8 f4 f2 i8 i4 i2 i1 u8 u4 u2 u1 b1";
    const std::string_view order = type_.size() == 3 && type_[2] == '1' ? "<>=|" : "<>=";
    if (type_.size() == 3 && order.find(type_[0]) != order.npos && known.find(type_.substr(1)) != known.npos)
      return;
    fail("its dtype is " + quote(type_), "save it as numbers: float64, float32, float16, an integer or bool");
  }

  void parse_shape() {
    expect('(');
    while (!accept(')')) {
      std::size_t extent = 0;
      skip_blanks();
      const auto [stop, error] =
          std::from_chars(header_.data() + at_, header_.data() + header_.size(), extent);
      if (error == std::errc::result_out_of_range) malformed("an extent of the shape is too large");
      if (error != std::errc()) malformed("the shape is not a tuple of whole numbers, none negative");
      at_ = static_cast<std::size_t>(stop - header_.data());
      accept('L');  // as Python 2 writes whole numbers
      shape_.push_back(extent);
      if (shape_.size() > 64) malformed("the shape has more than 64 dimensions");
      if (accept(',')) continue;
      if (shape_.size() == 1) malformed("the shape is not a tuple");
      expect(')');
      break;
    }
  }

  std::size_t width() const { return static_cast<std::size_t>(type_.back() - '0'); }

  void check_size(std::uintmax_t payload) {
    std::uintmax_t count = 1;
    const bool none = std::find(shape_.begin(), shape_.end(), 0U) != shape_.end();
    for (const std::size_t extent : shape_) {
      if (none) break;
      if (extent > payload / width() / count) size_fails(payload);
      count *= extent;
    }
    if (none) count = 0;
    if (count * width() != payload) size_fails(payload);
    count_ = static_cast<std::size_t>(count);
  }

  [[noreturn]] void size_fails(std::uintmax_t payload) const {
    std::string shape;
    for (const std::size_t extent : shape_) shape += (shape.empty() ? "" : ", ") + std::to_string(extent);
    fail("shape (" + shape + ") of " + type_ + " does not match the " + std::to_string(payload) +
             " bytes of data that it has",
         "write it again");
  }

  void skip_blanks() { at_ = std::min(header_.find_first_not_of(" \t\r\n", at_), header_.size()); }
  bool accept(char wanted) {
    skip_blanks();
    if (at_ >= header_.size() || header_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) malformed(std::string("'") + wanted + "' is missing at byte " + std::to_string(at_));
  }
  std::string text() {
    skip_blanks();
    const char mark = at_ < header_.size() ? header_[at_] : ' ';
    const std::size_t end = mark == '\'' || mark == '"' ? header_.find(mark, at_ + 1) : std::string::npos;
    if (end == std::string::npos) malformed("a quoted word is missing at byte " + std::to_string(at_));
    const std::string word = header_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return word;
  }
  bool boolean() {
    skip_blanks();
    for (const std::string_view word : {"True", "False"})
      if (std::string_view(header_).substr(at_).starts_with(word)) {
        at_ += word.size();
        return word == "True";
      }
    malformed("fortran_order is neither True nor False");
  }
  [[noreturn]] void malformed(const std::string& problem) const {
    fail("its header is malformed: " + problem, "write it with numpy.save");
  }

  ByteSource& in_;
  std::string header_;
  std::size_t at_ = 0;
  std::string type_;
  bool fortran_order_ = false;
  std::vector<std::size_t> shape_;
  std::size_t count_ = 0;
  std::uint64_t data_ = 0;  // where the numbers begin
};

}  // namespace detail

/// Reads an NPY file (numpy.save) with any number of dimensions.
///
/// Format versions 1 to 3, C and Fortran order, dtypes f8, f4, f2, i8 to i1, u8 to u1 of either byte order,
/// and b1 (1 where true); the values are exact, infinities and NaN stay as they are. Throws DataError for
/// everything else, for integers beyond 2^53, and for a file whose size does not match its header (checked
/// before memory is reserved). Source: NEP 1, "A Simple File Format for NumPy Arrays".
inline NpyArray read_npy(const std::filesystem::path& path) {
  FileSource file(path);
  detail::NpyReader reader(file);
  NpyArray array{reader.shape(), std::vector<double>(reader.count())};
  if (!reader.fortran_order()) {
    reader.for_each([next = array.values.begin()](double value) mutable { *next++ = value; });
    return array;
  }
  // The first index runs fastest in the file: count it up and keep its place in C order.
  const std::size_t dimensions = array.shape.size();
  std::vector<std::size_t> stride(dimensions, 1), index(dimensions, 0);
  for (std::size_t d = dimensions; d-- > 1;) stride[d - 1] = stride[d] * array.shape[d];
  std::size_t place = 0;
  reader.for_each([&](double value) {
    array.values[place] = value;
    for (std::size_t d = 0; d < dimensions; ++d) {
      place += stride[d];
      if (++index[d] < array.shape[d]) return;
      place -= stride[d] * array.shape[d];
      index[d] = 0;
    }
  });
  return array;
}

namespace detail {

/// `read_npy_matrix` of a file that is open.
inline Eigen::MatrixXd read_npy_matrix(ByteSource& file) {
  NpyReader reader(file);
  reader.require_matrix();
  Eigen::MatrixXd matrix(reader.rows(), reader.cols());
  Eigen::Index row = 0, column = 0;
  reader.for_each([&](double value) {
    if (!std::isfinite(value))
      reader.fail("the entry at row " + std::to_string(row) + ", column " + std::to_string(column) +
                      ", counted from 0, is not finite",
                  "replace it or remove the row");
    matrix(row, column) = value;
    if (reader.fortran_order()) {
      if (++row == matrix.rows()) ++column, row = 0;
    } else {
      if (++column == matrix.cols()) ++row, column = 0;
    }
  });
  return matrix;
}

}  // namespace detail

/// Reads an NPY file with samples: rows x columns, or one dimension, which becomes a column.
///
/// Throws DataError as `read_npy` does, and for other numbers of dimensions, for an array without
/// entries, and for entries that are not finite (row and column, counted from 0, are named).
inline Eigen::MatrixXd read_npy_matrix(const std::filesystem::path& path) {
  FileSource file(path);
  return detail::read_npy_matrix(file);
}

/// Whether these bytes are an NPY file, by their magic number.
inline bool is_npy(std::string_view bytes) { return bytes.starts_with("\x93NUMPY"); }

/// The samples, rows x columns, of an NPY file whose bytes are in memory; else as `read_npy_matrix`. `source`
/// names them in messages. Throws DataError as that.
inline Eigen::MatrixXd parse_npy_matrix(std::string_view bytes, const std::string& source) {
  MemorySource memory(bytes, source);
  return detail::read_npy_matrix(memory);
}

namespace detail {

/// The header of an NPY file of a rows x cols matrix; data starts at a multiple of 64 bytes.
template <class Scalar>
std::string npy_header(Eigen::Index rows, Eigen::Index cols, bool rows_first) {
  std::string text = std::string("{'descr': '") + (sizeof(Scalar) == 8 ? "<f8" : "<f4") +
                     "', 'fortran_order': " + (rows_first ? "False" : "True") + ", 'shape': (" +
                     std::to_string(rows) + ", " + std::to_string(cols) + "), }";
  text.append(63 - (10 + text.size()) % 64, ' ');
  text += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(text.size() & 0xFFU);
  header += static_cast<char>(text.size() >> 8U);
  return header + text;
}

}  // namespace detail

/// Writes a matrix of float or double as an NPY file of two dimensions, in the matrix's own order.
///
/// A file of that name is replaced when the new one is complete. Throws DataError when it cannot be written.
template <class Derived>
void write_npy(const std::filesystem::path& path, const Eigen::MatrixBase<Derived>& matrix) {
  using Scalar = typename Derived::Scalar;
  static_assert(std::is_same_v<Scalar, float> || std::is_same_v<Scalar, double>,
                "write_npy takes a matrix of float or double");
  const typename Derived::PlainObject& values = matrix.derived().eval();
  detail::write_file(path, [&](std::ostream& out) {
    out << detail::npy_header<Scalar>(values.rows(), values.cols(), Derived::PlainObject::IsRowMajor);
    out.write(reinterpret_cast<const char*>(values.data()),
              static_cast<std::streamsize>(static_cast<std::size_t>(values.size()) * sizeof(Scalar)));
  });
}

}  // namespace SST_ABI
}  // namespace sst
