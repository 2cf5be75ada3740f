// SPDX-License-Identifier: MIT

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sst/images/cifar.hpp>
#include <sst/images/npy_images.hpp>

#include "../catch.hpp"
#include "../error_message.hpp"
#include "../folder.hpp"

namespace cifar_tests {

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;

using sst_test::Folder;

// A value that depends on image, colour and place, so that no mix-up goes unnoticed.
unsigned char pixel(int image, int channel, int y, int x) {
  return static_cast<unsigned char>(17 * image + 85 * channel + 5 * y + 3 * x);
}

// A record as published: the labels, then 32 x 32 of red, of green, of blue.
std::string record(int image, const std::string& labels) {
  std::string out = labels;
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < 32; ++y)
      for (int x = 0; x < 32; ++x) out += static_cast<char>(pixel(image, c, y, x));
  return out;
}

void check_pixels(const sst::Images& images) {
  REQUIRE(images.shape == sst::ImageShape{32, 32, 3});
  REQUIRE(images.pixels.cols() == 3072);
  bool right = true;
  for (int i = 0; i < images.count(); ++i)
    for (int y = 0; y < 32; ++y)
      for (int x = 0; x < 32; ++x)
        for (int c = 0; c < 3; ++c)
          right = right && images.pixels(i, (32 * y + x) * 3 + c) == pixel(i, c, y, x);
  CHECK(right);
}

std::string ten_problem(const std::vector<fs::path>& files) {
  return sst_test::error_message<sst::DataError>([&] { sst::read_cifar10(files); });
}

template <class T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

std::string npy(const std::string& type, const std::string& shape, const std::string& data,
                const std::string& fortran = "False") {
  const std::string header =
      "{'descr': '" + type + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header + data;
}

}  // namespace

TEST_CASE("CIFAR-10, several files", "[images][cifar]") {
  const Folder folder;
  const fs::path a = folder.write("data_batch_1.bin", record(0, "\x03") + record(1, "\x09"));
  const fs::path b = folder.write("data_batch_2.bin", record(2, std::string(1, '\0')));
  const sst::Images images = sst::read_cifar10({a, b});
  CHECK(images.labels == Eigen::Vector3i(3, 9, 0));
  check_pixels(images);
  const sst::Images two = sst::read_cifar10({a, b}, 2);
  CHECK(two.labels == Eigen::Vector2i(3, 9));
  CHECK(two.pixels == images.pixels.topRows(2));
}

TEST_CASE("CIFAR-100, both labels", "[images][cifar]") {
  const Folder folder;
  const fs::path file =
      folder.write("train.bin", record(0, "\x13\x63") + record(1, std::string("\x00\x0A", 2)));
  const sst::Images fine = sst::read_cifar100({file});
  CHECK(fine.labels == Eigen::Vector2i(99, 10));
  check_pixels(fine);
  CHECK(sst::read_cifar100({file}, sst::Cifar100Label::coarse).labels == Eigen::Vector2i(19, 0));
  CHECK(sst::read_cifar100({file}, sst::Cifar100Label::fine, 1).count() == 1);
}

TEST_CASE("CIFAR files that are not", "[images][cifar][error]") {
  const Folder folder;
  const fs::path good = folder.write("good.bin", record(0, "\x03"));
  const fs::path bad = folder.write("bad.bin", record(0, "\x03").substr(0, 3000));
  const std::string name = "cannot read '" + bad.string() + "' as CIFAR-10 ";
  CHECK(ten_problem({good, bad}) ==
        name + "(its 3000 bytes are not records of 3073); give an unpacked .bin file of the binary version");
  folder.write("bad.bin", "");
  CHECK_THAT(ten_problem({good, bad}), Contains("(its 0 bytes are not records"));
  folder.write("bad.bin", record(0, "\x03") + "x");
  CHECK_THAT(ten_problem({bad}), Contains("(its 3074 bytes are not records"));
  folder.write("bad.bin", record(0, "\x03") + record(0, "\x0A"));
  CHECK(ten_problem({good, bad}) ==
        name +
            "(record 1, counted from 0, has the label 10, and there are 10 classes); check that the file "
            "is of that format");
  folder.write("bad.bin", record(0, std::string("\x14\x00", 2)));
  CHECK_THROWS_WITH(sst::read_cifar100({bad}), Contains("has the label 20, and there are 20 classes"));
  folder.write("bad.bin", record(0, std::string("\x00\x64", 2)));
  CHECK_THROWS_WITH(sst::read_cifar100({bad}), Contains("has the label 100, and there are 100 classes"));
  CHECK_THROWS_WITH(sst::read_cifar100({good}), Contains("are not records of 3074"));
  CHECK_THROWS_WITH(sst::read_cifar10({}), Contains("there are no CIFAR-10 files"));
  CHECK_THROWS_WITH(sst::read_cifar10({good}, 0), Contains("the limit is 0 images"));
  CHECK_THROWS_WITH(sst::read_cifar10({folder.path / "none.bin"}), Contains("none.bin' (No such file"));
  CHECK_THROWS_WITH(sst::read_cifar10({folder.path}), Contains("(it is a directory)"));
}

TEST_CASE("a file that seems to be terabytes long takes no memory", "[images][cifar][error]") {
  const Folder folder;
  const fs::path hole = folder.write("hole.bin", record(0, "\x03"));
  std::error_code error;
  fs::resize_file(hole, 3073ULL * (1ULL << 31U), error);  // a hole: 6 TiB that take no room on disk
  if (error) return;                                      // a file system without holes of that size
  CHECK_THROWS_WITH(sst::read_cifar10({hole}), Contains("GiB, and only"));
  CHECK(sst::read_cifar10({hole}, 1).labels[0] == 3);
}

TEST_CASE("images in NPY files", "[images][npy]") {
  const Folder folder;
  const fs::path grey = folder.write(
      "grey.npy",
      npy("|u1", "(2, 2, 3)", std::string("\x00\x01\x02\x03\x04\xFF\x0A\x0B\x0C\x0D\x0E\x0F", 12)));
  const fs::path colour = folder.write("colour.npy", npy("<f4", "(1, 1, 2, 2)", raw<float>({1, 2, 3, 4.5F})));
  const fs::path labels = folder.write("labels.npy", npy("<i8", "(2,)", raw<std::int64_t>({4, 0})));
  const sst::Images two = sst::read_npy_images(grey, labels);
  CHECK(two.shape == sst::ImageShape{2, 3, 1});
  CHECK(two.pixels.row(0) == (Eigen::RowVectorXd(6) << 0, 1, 2, 3, 4, 255).finished());
  CHECK(two.labels == Eigen::Vector2i(4, 0));
  CHECK(sst::read_npy_images(grey, labels, 1).labels.size() == 1);
  const sst::Images one = sst::read_npy_images(colour);
  CHECK(one.shape == sst::ImageShape{1, 2, 2});
  CHECK(one.pixels == Eigen::RowVector4d(1, 2, 3, 4.5));
  CHECK(one.labels.size() == 0);

  const auto refuse = [&](const std::string& bytes, const std::string& part) {
    const fs::path bad = folder.write("bad.npy", bytes);
    CHECK_THROWS_WITH(sst::read_npy_images(bad), Contains("bad.npy' as NPY (") && Contains(part));
  };
  refuse(npy("<f4", "(2, 2)", raw<float>({1, 2, 3, 4})), "it has 2 dimensions");
  refuse(npy("<f4", "(2, 0, 2)", ""), "it has no entries");
  refuse(npy("<f4", "(1, 2, 2)", raw<float>({1, 2, 3, 4}), "True"), "it is in Fortran order");
  refuse(npy("<f4", "(1, 2, 2)", raw<float>({1, 2, 3, NAN})), "image 0, counted from 0, has a value");
  refuse(npy("<f4", "(9, 2, 2)", raw<float>({1, 2, 3, 4})), "does not match the 16 bytes");
  const auto refuse_labels = [&](const std::string& bytes, const std::string& part) {
    const fs::path bad = folder.write("bad.npy", bytes);
    CHECK_THROWS_WITH(sst::read_npy_images(grey, bad), Contains("bad.npy' as NPY (") && Contains(part));
  };
  refuse_labels(npy("<i8", "(1,)", raw<std::int64_t>({4})), "it has 1 labels for the 2 images of");
  refuse_labels(npy("<i8", "(1, 2)", raw<std::int64_t>({4, 4})), "one-hot labels, numpy.argmax");
  refuse_labels(npy("<i8", "(2,)", raw<std::int64_t>({4, -1})), "label 1, counted from 0, is not");
  refuse_labels(npy("<f8", "(2,)", raw<double>({4, 0.5})), "label 1, counted from 0, is not");
}

TEST_CASE("what images have to be, and taking some of them", "[images]") {
  sst::Images images{
      {1, 2, 1}, (Eigen::MatrixXd(3, 2) << 1, 2, 3, 4, 5, 6).finished(), Eigen::Vector3i(0, 1, 2)};
  CHECK_NOTHROW(sst::validate(images, "these"));
  const sst::Images picked = sst::select(images, {2, 0});
  CHECK(picked.pixels == (Eigen::MatrixXd(2, 2) << 5, 6, 1, 2).finished());
  CHECK(picked.labels == Eigen::Vector2i(2, 0));
  CHECK(sst::first(images, 2).pixels == images.pixels.topRows(2));
  CHECK(sst::first(images, 9).count() == 3);
  const sst::Images joined = sst::join(sst::first(images, 1), picked);
  CHECK(joined.pixels == (Eigen::MatrixXd(3, 2) << 1, 2, 5, 6, 1, 2).finished());
  CHECK(joined.labels == Eigen::Vector3i(0, 2, 0));

  CHECK_THROWS_WITH(sst::select(images, {3}), Contains("there is no image 3 (there are 3"));
  sst::Images bad = images;
  bad.shape = {2, 2, 1};
  CHECK_THROWS_WITH(
      sst::validate(bad, "these"),
      "these: a row has 2 numbers (the shape is 2 x 2 x 1); give one for each pixel and channel");
  CHECK_THROWS_WITH(sst::join(images, bad), Contains("1 x 2 x 1 and 2 x 2 x 1"));
  bad.shape = {std::numeric_limits<std::size_t>::max(), 2, 3};
  CHECK_THROWS_WITH(sst::validate(bad, "these"), Contains("give one for each pixel"));
  bad.shape = {0, 2, 1};
  CHECK_THROWS_WITH(sst::validate(bad, "these"), Contains("is empty"));
  bad = images;
  bad.pixels(1, 0) = NAN;
  CHECK_THROWS_WITH(sst::validate(bad, "these"), Contains("these, image 1, value 0"));
  bad = images;
  bad.labels[2] = -1;
  CHECK_THROWS_WITH(sst::validate(bad, "these"), Contains("image 2, counted from 0, has the label -1"));
  bad.labels = Eigen::Vector2i(1, 2);
  CHECK_THROWS_WITH(sst::validate(bad, "these"), Contains("3 images and 2 labels"));
}

}  // namespace cifar_tests
