// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sst/base/memory.hpp>
#include <sst/error.hpp>
#include <sst/images/images.hpp>
#include <sst/io/bytes.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

namespace detail {

/// An IDX file of unsigned bytes behind its header, which has been held against the source's size.
class IdxReader {
 public:
  IdxReader(ByteSource& source, std::size_t dimensions) : source_(source) {
    std::array<unsigned char, 4> magic{};
    if (source.read(magic.data(), magic.size()) < magic.size()) fail("it ends within the header", again);
    if (magic[0] == 0x1F && magic[1] == 0x8B)
      fail("it is compressed with gzip", "unpack it, or open it with GzipSource of sst/io/gzip.hpp");
    if (magic[0] != 0 || magic[1] != 0) fail("it does not start with two zero bytes", again);
    if (magic[2] != 0x08)
      fail("its type code is " + std::to_string(magic[2]) + ", not 8", "give a file of unsigned bytes");
    if (magic[3] != dimensions)
      fail("it has " + std::to_string(magic[3]) + " dimensions",
           dimensions == 1 ? "labels have 1; was the file of the images meant?"
                           : "images have 3; was the file of the labels meant?");
    std::uint64_t header = 4;
    std::string shape;
    for (std::size_t d = 0; d < dimensions; ++d, header += 4) {
      std::array<unsigned char, 4> bytes{};
      if (source.read(bytes.data(), 4) < 4) fail("it ends within the header", again);
      std::uint64_t extent = 0;
      for (const unsigned char byte : bytes) extent = extent << 8U | byte;
      extents_.push_back(extent);
      shape += (d ? " x " : "") + std::to_string(extent);
    }
    for (const std::uint64_t extent : extents_)
      if (extent == 0) fail("its header announces " + shape + " values, which is none", again);
    const std::uint64_t room = source.at_most() - std::min(source.at_most(), header);
    count_ = 1;
    for (const std::uint64_t extent : extents_) {
      if (extent > room / count_)
        fail("its header announces " + shape + " values, more than a file of its size holds", again);
      count_ *= extent;
    }
  }

  const std::vector<std::uint64_t>& extents() const { return extents_; }

  /// The first `wanted` values. All others are read too, so that a damaged file is never believed.
  std::vector<unsigned char> read(std::uint64_t wanted) {
    std::vector<unsigned char> values;
    std::uint64_t done = append_bytes(source_, wanted, values);
    if (done == wanted) done += skip_bytes(source_, count_ - wanted);
    if (done < count_)
      fail("it ends after " + std::to_string(done) + " of the " + std::to_string(count_) +
               " values that its header announces",
           again);
    if (skip_bytes(source_, 1) != 0)
      fail("it goes on after the " + std::to_string(count_) + " values that its header announces", again);
    return values;
  }

  [[noreturn]] void fail(const std::string& why, const std::string& remedy) const {
    throw DataError("cannot read '" + source_.name() + "' as IDX (" + why + "); " + remedy);
  }

 private:
  static constexpr const char* again = "get the file again";

  ByteSource& source_;
  std::vector<std::uint64_t> extents_;
  std::uint64_t count_ = 0;
};

/// Rows of bytes as numbers.
inline Eigen::MatrixXd to_rows(const std::vector<unsigned char>& bytes, Eigen::Index rows,
                               Eigen::Index columns) {
  using Bytes = Eigen::Matrix<unsigned char, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<const Bytes>(bytes.data(), rows, columns).cast<double>();
}

}  // namespace detail

/// Reads images and labels of the IDX format: MNIST, Fashion-MNIST and their relatives.
///
/// Big-endian: 0, 0, type (8: unsigned bytes), number of dimensions, the extents as 32-bit integers,
/// the values. Images have 3 dimensions (count x height x width), labels 1. Pixels are 0 to 255 as in
/// the file. At most `limit` images are kept; the whole file is read and checked all the same.
/// Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
///
/// Throws DataError, with the file's name, for another magic number, extents that do not fit the
/// file's size (before memory is reserved for them), a file that ends early or goes on, and unequal
/// counts; Error when the images do not fit into memory.
inline Images read_idx(ByteSource& images, ByteSource& labels, Eigen::Index limit = all_images) {
  if (limit < 1) throw DataError("the limit is " + std::to_string(limit) + " images; choose one or more");
  detail::IdxReader pixel_reader(images, 3), label_reader(labels, 1);
  const auto& extents = pixel_reader.extents();
  if (extents[0] != label_reader.extents()[0])
    label_reader.fail("it has " + std::to_string(label_reader.extents()[0]) + " labels for the " +
                          std::to_string(extents[0]) + " images of '" + images.name() + "'",
                      "give the two files that belong together");
  const std::uint64_t count = std::min(extents[0], static_cast<std::uint64_t>(limit));
  const std::uint64_t size = extents[1] * extents[2];
  const std::vector<unsigned char> names = label_reader.read(count);
  const std::vector<unsigned char> values = pixel_reader.read(count * size);
  require_memory(static_cast<double>(values.size()) * sizeof(double),
                 "the images of '" + images.name() + "'");
  Images out;
  out.shape = {static_cast<std::size_t>(extents[1]), static_cast<std::size_t>(extents[2]), 1};
  out.pixels = detail::to_rows(values, static_cast<Eigen::Index>(count), static_cast<Eigen::Index>(size));
  out.labels.resize(static_cast<Eigen::Index>(count));
  std::copy(names.begin(), names.end(), out.labels.begin());
  return out;
}

/// Reads two plain files; see above. For files that end in .gz give two GzipSource (gzip.hpp) instead.
inline Images read_idx(const std::filesystem::path& images, const std::filesystem::path& labels,
                       Eigen::Index limit = all_images) {
  FileSource image_file(images), label_file(labels);
  return read_idx(image_file, label_file, limit);
}

}  // namespace SST_ABI
}  // namespace sst
