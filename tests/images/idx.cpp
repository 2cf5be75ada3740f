// SPDX-License-Identifier: MIT

#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include <sst/images/idx.hpp>
#include <sst/io/csv.hpp>
#include <sst/io/gzip.hpp>

#include "../catch.hpp"
#include "../error_message.hpp"
#include "../folder.hpp"

namespace idx_tests {

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;

using sst_test::Folder;

std::string big_endian(std::uint32_t value) {
  std::string out;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>(value >> shift & 0xFFU);
  return out;
}

std::string header(const std::vector<std::uint32_t>& extents, char type = 8) {
  std::string out{0, 0, type, static_cast<char>(extents.size())};
  for (const std::uint32_t extent : extents) out += big_endian(extent);
  return out;
}

std::string pack(const std::string& bytes) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// Two images of 2 x 3 and their labels.
const std::string pixels =
    header({2, 2, 3}) + std::string("\x00\x01\x02\x03\x04\xFF\x0A\x0B\x0C\x0D\x0E\x0F", 12);
const std::string labels = header({2}) + std::string("\x07\x03", 2);

std::string problem(const Folder& folder, const std::string& image_bytes, const std::string& label_bytes) {
  const fs::path x = folder.write("x", image_bytes), y = folder.write("y", label_bytes);
  const std::string text = sst_test::error_message<sst::DataError>([&] { sst::read_idx(x, y); });
  // The reader of compressed files says the same about plain ones.
  const std::string other = sst_test::error_message<sst::DataError>([&] {
    sst::GzipSource packed_x(x), packed_y(y);
    sst::read_idx(packed_x, packed_y);
  });
  if (image_bytes.rfind("\x1F\x8B", 0) != 0 && label_bytes.rfind("\x1F\x8B", 0) != 0) CHECK(other == text);
  CHECK(text.find('\n') == std::string::npos);
  return text;
}

std::string packed_problem(const Folder& folder, const std::string& image_bytes) {
  const fs::path x = folder.write("x.gz", image_bytes), y = folder.write("y", labels);
  return sst_test::error_message<sst::DataError>([&] {
    sst::GzipSource packed_x(x), packed_y(y);
    sst::read_idx(packed_x, packed_y);
  });
}

}  // namespace

TEST_CASE("IDX files, plain and compressed", "[images][idx]") {
  const Folder folder;
  const fs::path x = folder.write("x", pixels), y = folder.write("y", labels);
  const fs::path packed_x = folder.write("x.gz", pack(pixels)), packed_y = folder.write("y.gz", pack(labels));
  Eigen::MatrixXd expected(2, 6);
  expected << 0, 1, 2, 3, 4, 255, 10, 11, 12, 13, 14, 15;

  const sst::Images images = sst::read_idx(x, y);
  CHECK(images.shape == sst::ImageShape{2, 3, 1});
  CHECK(images.pixels == expected);
  CHECK(images.labels == Eigen::Vector2i(7, 3));

  sst::GzipSource source_x(packed_x), source_y(packed_y);
  const sst::Images unpacked = sst::read_idx(source_x, source_y);
  CHECK(unpacked.pixels == expected);
  CHECK(unpacked.labels == images.labels);

  sst::GzipSource again_x(packed_x);
  sst::FileSource again_y(y);
  const sst::Images one = sst::read_idx(again_x, again_y, 1);
  CHECK(one.pixels == expected.topRows(1));
  CHECK(one.labels.size() == 1);
  CHECK_THROWS_WITH(sst::read_idx(x, y, 0), Contains("the limit is 0 images"));

  // gzip files may hold several streams one after another.
  folder.write("two.gz", pack(pixels.substr(0, 9)) + pack(pixels.substr(9)));
  sst::GzipSource two(folder.path / "two.gz"), labels_again(packed_y);
  CHECK(sst::read_idx(two, labels_again).pixels == expected);
}

TEST_CASE("IDX files that are not", "[images][idx][error]") {
  const Folder folder;
  const std::string x = "cannot read '" + (folder.path / "x").string() + "' as IDX ";
  const std::string y = "cannot read '" + (folder.path / "y").string() + "' as IDX ";
  CHECK(problem(folder, "", labels) == x + "(it ends within the header); get the file again");
  CHECK(problem(folder, "\x89PNG....", labels) ==
        x + "(it does not start with two zero bytes); get the file again");
  CHECK(problem(folder, header({2, 2, 3}, 0x0D) + std::string(48, 'a'), labels) ==
        x + "(its type code is 13, not 8); give a file of unsigned bytes");
  CHECK(problem(folder, labels, labels) ==
        x + "(it has 1 dimensions); images have 3; was the file of the labels meant?");
  CHECK(problem(folder, pixels, pixels) ==
        y + "(it has 3 dimensions); labels have 1; was the file of the images meant?");
  CHECK(problem(folder, header({3, 2, 3}) + std::string(18, 'a'), labels) ==
        y + "(it has 2 labels for the 3 images of '" + (folder.path / "x").string() +
            "'); give the two files that belong together");
  CHECK(problem(folder, header({2, 0, 3}), labels) ==
        x + "(its header announces 2 x 0 x 3 values, which is none); get the file again");
  CHECK(problem(folder, pixels + "a", labels) ==
        x + "(it goes on after the 12 values that its header announces); get the file again");
  CHECK(problem(folder, pixels, labels + "a") ==
        y + "(it goes on after the 2 values that its header announces); get the file again");
  CHECK(problem(folder, pack(pixels), labels) ==
        x + "(it is compressed with gzip); unpack it, or open it with GzipSource of sst/io/gzip.hpp");
  CHECK_THROWS_WITH(sst::read_idx(folder.path / "none", folder.path / "y"), Contains("none' (No such file"));
  CHECK_THROWS_WITH(sst::read_idx(folder.path, folder.path / "y"), Contains("(it is a directory)"));
  CHECK_THROWS_WITH(sst::GzipSource(folder.path / "none"), Contains("none' (No such file"));
  CHECK_THROWS_WITH(sst::GzipSource(folder.path), Contains("(it is a directory)"));
}

TEST_CASE("a device is no IDX file, whatever it is called", "[images][idx][error]") {
  if (!std::filesystem::exists("/dev/zero")) return;
  const Folder folder;
  std::filesystem::create_symlink("/dev/zero", folder.path / "x.gz");
  CHECK_THROWS_WITH(sst::GzipSource(folder.path / "x.gz"),
                    Catch::Contains("its size is unknown") && Catch::Contains("give a regular file"));
}

TEST_CASE("gigantic IDX headers are not believed", "[images][idx][error]") {
  const Folder folder;
  constexpr std::uint32_t most = 0xFFFFFFFF;
  for (const auto& extents : std::vector<std::vector<std::uint32_t>>{
           {most, most, most}, {2, most, most}, {most, 1, 1}, {2, 2, 4}, {1U << 31U, 1U << 31U, 4}}) {
    CHECK_THAT(problem(folder, header(extents) + pixels.substr(16), labels),
               Contains("its header announces"));
    CHECK_THAT(packed_problem(folder, pack(header(extents) + pixels.substr(16))),
               Contains(extents[2] == 4 && extents[0] == 2 ? "it ends after 12 of the 16 values"
                                                           : "more than a file of its size holds"));
  }
  CHECK_THAT(problem(folder, pixels, header({most}) + "ab"), Contains("announces 4294967295 values"));
}

TEST_CASE("gzip bombs and broken gzip files", "[images][idx][gzip][error]") {
  const Folder folder;
  const std::string good = pack(pixels);
  // 64 MiB of zeros behind a small header: 64 KiB on disk.
  CHECK_THAT(packed_problem(folder, pack(pixels + std::string(std::size_t{1} << 26U, '\0'))),
             Contains("it goes on after the 12 values"));
  folder.write("text.gz", pack(std::string(5000, 'a')));
  CHECK(sst::read_gzip_text(folder.path / "text.gz") == std::string(5000, 'a'));
  CHECK(sst::read_gzip_text(folder.path / "text.gz", 5000).size() == 5000);
  CHECK_THROWS_WITH(sst::read_gzip_text(folder.path / "text.gz", 4999),
                    Contains("it holds more than 4999 bytes"));

  for (std::size_t length = 2; length < good.size(); ++length) {
    INFO("first " << length << " bytes");
    CHECK_THAT(packed_problem(folder, good.substr(0, length)), Contains("x.gz' ("));
  }
  CHECK_THAT(packed_problem(folder, good.substr(0, good.size() / 2)),
             Contains("it ends before its compressed data do"));
  std::string wrong_checksum = good;
  wrong_checksum[good.size() - 6] ^= 1;
  CHECK_THAT(packed_problem(folder, wrong_checksum), Contains("incorrect data check"));
}

TEST_CASE("damaged IDX files are errors or images, never anything else", "[images][idx][error]") {
  const Folder folder;
  for (std::size_t length = 0; length < pixels.size(); ++length)
    CHECK(problem(folder, pixels.substr(0, length), labels) != "no error");
  for (std::size_t length = 0; length < labels.size(); ++length)
    CHECK(problem(folder, pixels, labels.substr(0, length)) != "no error");
  std::mt19937 random(1);
  const std::string packed = pack(pixels);
  for (int k = 0; k < 400; ++k) {
    std::string bad = pixels, bad_packed = packed;
    bad[random() % 20] = static_cast<char>(random());
    bad_packed[random() % packed.size()] = static_cast<char>(random());
    CHECK_NOTHROW(problem(folder, bad, labels));  // anything but a DataError would get out
    CHECK_NOTHROW(packed_problem(folder, bad_packed));
  }
}

TEST_CASE("Fashion-MNIST as Debian packages it", "[images][idx]") {
  const fs::path folder = "/usr/share/datasets/fashion-mnist";
  if (!fs::exists(folder)) {
    WARN("skipped: dataset-fashion-mnist is not installed");
    return;
  }
  sst::GzipSource x(folder / "t10k-images-idx3-ubyte.gz"), y(folder / "t10k-labels-idx1-ubyte.gz");
  const sst::Images test = sst::read_idx(x, y);
  CHECK(test.shape == sst::ImageShape{28, 28, 1});
  CHECK(test.count() == 10000);
  for (int label = 0; label < 10; ++label) CHECK((test.labels.array() == label).count() == 1000);
  CHECK(test.pixels.minCoeff() == 0);
  CHECK(test.pixels.maxCoeff() == 255);
  CHECK(test.labels.head(4) == Eigen::Vector4i(9, 2, 1, 1));  // ankle boot, pullover, trouser, trouser

  sst::GzipSource train_x(folder / "train-images-idx3-ubyte.gz"),
      train_y(folder / "train-labels-idx1-ubyte.gz");
  const sst::Images train = sst::read_idx(train_x, train_y, 2000);
  CHECK(train.count() == 2000);
  // The published mean of the 60000 training images is 0.2860 of 255.
  CHECK(train.pixels.mean() / 255 == Approx(0.2860).margin(0.01));
}

}  // namespace idx_tests
