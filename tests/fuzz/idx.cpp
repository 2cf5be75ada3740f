// SPDX-License-Identifier: MIT
// IDX images and labels: plain, as gzip, and compressed here. One byte of settings (the limit), then the two
// files.
#include "fuzz.hpp"

#include <zlib.h>

#include <sst/images/idx.hpp>
#include <sst/io/gzip.hpp>

namespace {

std::filesystem::path write_gzip(const std::filesystem::path& path, std::string_view bytes) {
  const gzFile file = gzopen(path.c_str(), "wb1");
  fuzz::require(file != nullptr, "there is room for the input");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  return path;
}

void check(const sst::Images& images) {
  sst::validate(images, "images");
  fuzz::require(images.labels.size() == images.count(), "each image has a label");
  fuzz::require(images.pixels.minCoeff() >= 0 && images.pixels.maxCoeff() <= 255, "pixels are bytes");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Stopwatch stopwatch;
  fuzz::Parts parts(data, size);
  const unsigned choice = parts.byte();
  const Eigen::Index limit = choice == 255 ? sst::all_images : static_cast<Eigen::Index>(choice);
  const std::string_view image_bytes = parts.next(), label_bytes = parts.next();
  const auto image_file = fuzz::write(fuzz::folder() / "images", image_bytes);
  const auto label_file = fuzz::write(fuzz::folder() / "labels", label_bytes);

  sst::Images plain, maybe_gzip, gzip;
  const bool reads = fuzz::succeeds([&] { plain = sst::read_idx(image_file, label_file, limit); });
  if (reads) check(plain);
  if (fuzz::succeeds([&] {
        sst::GzipSource images(image_file), labels(label_file);
        maybe_gzip = sst::read_idx(images, labels, limit);
      }))
    check(maybe_gzip);
  else
    fuzz::require(!reads, "GzipSource passes plain files on");
  fuzz::succeeds([&] { sst::read_gzip_text(image_file, std::uint64_t{1} << 20U); });

  const bool unpacks = fuzz::succeeds([&] {
    sst::GzipSource images(write_gzip(fuzz::folder() / "images.gz", image_bytes)),
        labels(write_gzip(fuzz::folder() / "labels.gz", label_bytes));
    gzip = sst::read_idx(images, labels, limit);
  });
  fuzz::require(unpacks == reads, "compression changes no answer");
  if (reads)
    fuzz::require(gzip.shape == plain.shape && fuzz::same_bits(gzip.pixels, plain.pixels) &&
                      fuzz::same_bits(gzip.labels, plain.labels),
                  "compression changes no image");
  return 0;
}
