// SPDX-License-Identifier: MIT
// CIFAR files. Settings first: format, whether to fill each file up to whole records (its bytes over and
// over, so that small inputs get past the size), the limit; then one to three files.
#include "fuzz.hpp"

#include <vector>

#include <sst/images/cifar.hpp>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Stopwatch stopwatch;
  fuzz::Parts parts(data, size);
  const unsigned choice = parts.byte(), most = parts.byte();
  const bool ten = (choice & 1U) != 0, fill = (choice & 4U) != 0;
  const auto label = (choice & 2U) != 0 ? sst::Cifar100Label::coarse : sst::Cifar100Label::fine;
  const Eigen::Index limit = most == 255 ? sst::all_images : static_cast<Eigen::Index>(most);
  const std::size_t labels = ten ? 1 : 2, record = labels + 3072;

  std::vector<std::filesystem::path> files;
  std::string all;
  while (parts.more() && files.size() < 3) {
    std::string bytes(parts.next());
    const std::size_t own = bytes.size();
    if (fill && own > 0)
      while (bytes.size() % record != 0) bytes += bytes[bytes.size() - own];
    files.push_back(fuzz::write(fuzz::folder() / ("batch" + std::to_string(files.size())), bytes));
    all += bytes;
  }
  sst::Images images;
  if (!fuzz::succeeds(
          [&] { images = ten ? sst::read_cifar10(files, limit) : sst::read_cifar100(files, label, limit); }))
    return 0;
  sst::validate(images, "images");
  fuzz::require(images.labels.size() == images.count() && images.count() > 0 && images.count() <= limit,
                "each image has a label");
  // The last pixel's blue is the record's last byte.
  for (Eigen::Index i = 0; i < images.count(); ++i) {
    const auto last = static_cast<unsigned char>(all[static_cast<std::size_t>(i + 1) * record - 1]);
    fuzz::require(images.pixels(i, 3071) == last, "a record's last byte is its image's last number");
    const std::size_t which = ten || label == sst::Cifar100Label::coarse ? 0 : 1;
    const auto name = static_cast<unsigned char>(all[static_cast<std::size_t>(i) * record + which]);
    fuzz::require(images.labels[i] == name, "a record starts with its labels");
  }
  return 0;
}
