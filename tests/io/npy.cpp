// SPDX-License-Identifier: MIT
#include <sst/io/npy.hpp>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../error_message.hpp"
#include "../folder.hpp"

namespace npy_tests {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;
using Shape = std::vector<std::size_t>;
using Values = std::vector<double>;

namespace {

/// A file in a folder of its own.
struct File {
  sst_test::Folder folder;
  fs::path path = folder.path / "a.npy";
  void put(const std::string& bytes) const { folder.write("a.npy", bytes); }
  std::string bytes() const { return sst_test::content(path); }
};

std::string little(std::uint64_t value, std::size_t bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFFU);
  return out;
}

std::string npy(const std::string& header, const std::string& data, int version = 1) {
  return "\x93NUMPY" + little(static_cast<std::uint64_t>(version), 1) + little(0, 1) +
         little(header.size(), version == 1 ? 2 : 4) + header + data;
}

std::string dict(const std::string& descr, const std::string& order, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}

template <class T>
std::string raw(std::initializer_list<T> values, bool swap = false) {
  std::string out;
  for (const T value : values) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    if (swap) std::reverse(bytes, bytes + sizeof(T));
    out.append(bytes, sizeof(T));
  }
  return out;
}

std::string problem(const File& file, const std::string& bytes) {
  file.put(bytes);
  return sst_test::error_message<sst::DataError>([&] { sst::read_npy(file.path); });
}

}  // namespace

TEST_CASE("NPY in every dtype and byte order", "[io][npy]") {
  const File file;
  const auto reads = [&](const std::string& type, const std::string& data, const Values& expected) {
    INFO(type);
    file.put(npy(dict(type, "False", "(2,)"), data));
    const sst::NpyArray array = sst::read_npy(file.path);
    CHECK(array.shape == Shape{2});
    CHECK(array.values == expected);
  };
  reads("<f8", raw<double>({0.1, -1e300}), {0.1, -1e300});
  reads(">f8", raw<double>({0.1, -1e300}, true), {0.1, -1e300});
  reads("<f4", raw<float>({0.1F, -2}), {static_cast<double>(0.1F), -2});
  reads(">f4", raw<float>({0.1F, -2}, true), {static_cast<double>(0.1F), -2});
  reads("|u1", raw<std::uint8_t>({0, 255}), {0, 255});
  reads("<i4", raw<std::int32_t>({-5, 2147483647}), {-5, 2147483647});
  reads(">i4", raw<std::int32_t>({-5, 2147483647}, true), {-5, 2147483647});
  reads("<i8", raw<std::int64_t>({-9007199254740992, 7}), {-9007199254740992, 7});
  reads(">i8", raw<std::int64_t>({-9007199254740992, 7}, true), {-9007199254740992, 7});
}

TEST_CASE("NPY in every header version and spelling", "[io][npy]") {
  const File file;
  const std::string data = raw<std::uint8_t>({1, 2, 3, 4, 5, 6});
  for (const int version : {1, 2, 3})
    for (const std::string header :
         {"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }            \n",
          "{'shape':(2,3),'fortran_order':False,'descr':'|u1'}",
          "{\"descr\": \"|u1\", \"fortran_order\": False, \"shape\": (2, 3,)}\n",
          "  { 'fortran_order' : False , 'descr' : '<u1' , 'shape' : ( 2 , 3 ) , } "}) {
      file.put(npy(header, data, version));
      CHECK(sst::read_npy(file.path).shape == Shape{2, 3});
      CHECK(sst::read_npy_matrix(file.path) == Eigen::MatrixXd({{1, 2, 3}, {4, 5, 6}}));
      CHECK(sst::parse_npy_matrix(npy(header, data, version), "a pipe") == sst::read_npy_matrix(file.path));
    }
}

TEST_CASE("NPY in memory is known by its start and held against its length", "[io][npy]") {
  const std::string whole = npy(dict("|u1", "False", "(2, 3)"), raw<std::uint8_t>({1, 2, 3, 4, 5, 6}));
  CHECK(sst::is_npy(whole));
  CHECK_FALSE(sst::is_npy("1,2\n"));
  CHECK_THROWS_WITH(
      sst::parse_npy_matrix(whole.substr(0, whole.size() - 1), "a pipe"),
      Catch::Contains("cannot read 'a pipe' as NPY (shape (2, 3) of |u1 does not match the 5 bytes"));
}

TEST_CASE("NPY values come in C order", "[io][npy]") {
  const File file;
  // a[i, j, k] = 100 i + 10 j + k of shape (2, 3, 2), in Fortran order.
  file.put(npy(dict("|u1", "True", "(2, 3, 2)"),
               raw<std::uint8_t>({0, 100, 10, 110, 20, 120, 1, 101, 11, 111, 21, 121})));
  const sst::NpyArray array = sst::read_npy(file.path);
  CHECK(array.shape == Shape{2, 3, 2});
  CHECK(array.values == Values{0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121});

  file.put(npy(dict("|u1", "True", "(2, 3)"), raw<std::uint8_t>({1, 4, 2, 5, 3, 6})));
  CHECK(sst::read_npy(file.path).values == Values{1, 2, 3, 4, 5, 6});
  CHECK(sst::read_npy_matrix(file.path) == Eigen::MatrixXd({{1, 2, 3}, {4, 5, 6}}));
}

TEST_CASE("NPY of few and of no numbers", "[io][npy]") {
  const File file;
  file.put(npy(dict("<f8", "False", "()"), raw<double>({2.5})));
  CHECK(sst::read_npy(file.path).shape.empty());
  CHECK(sst::read_npy(file.path).values == Values{2.5});
  CHECK_THROWS_WITH(sst::read_npy_matrix(file.path),
                    EndsWith("(it has 0 dimensions); give a matrix or a vector"));

  for (const char* order : {"False", "True"}) {
    file.put(npy(dict("<f8", order, "(4, 0, 18446744073709551615)"), ""));
    CHECK(sst::read_npy(file.path).shape == Shape{4, 0, 18446744073709551615U});
    CHECK(sst::read_npy(file.path).values.empty());
    CHECK_THROWS_WITH(sst::read_npy_matrix(file.path),
                      EndsWith("(it has 3 dimensions); give a matrix or a vector"));
  }
  file.put(npy(dict("<f8", "False", "(0, 3)"), ""));
  CHECK_THROWS_WITH(sst::read_npy_matrix(file.path), EndsWith("(it has no entries); give one sample a row"));

  file.put(npy(dict("<f8", "False", "(3,)"), raw<double>({1, 2, 3})));
  CHECK(sst::read_npy_matrix(file.path) == Eigen::MatrixXd({{1}, {2}, {3}}));

  file.put(
      npy(dict("<f8", "False", "(2, 2)"), raw<double>({1, 2, std::numeric_limits<double>::quiet_NaN(), 4})));
  CHECK(std::isnan(sst::read_npy(file.path).values[2]));
  CHECK_THROWS_WITH(
      sst::read_npy_matrix(file.path),
      "cannot read '" + file.path.string() +
          "' as NPY (the entry at row 1, column 0, counted from 0, is not finite); replace it or "
          "remove the row");
}

TEST_CASE("NPY of a size that needs several blocks", "[io][npy]") {
  const File file;
  const Eigen::MatrixXd m = Eigen::MatrixXd::Random(517, 91);
  sst::write_npy(file.path, m);
  CHECK(sst::read_npy_matrix(file.path) == m);
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  sst::write_npy(file.path, Rows(m));
  CHECK(sst::read_npy_matrix(file.path) == m);
  const sst::NpyArray array = sst::read_npy(file.path);
  CHECK(Eigen::Map<const Rows>(array.values.data(), 517, 91) == m);
}

TEST_CASE("write_npy byte for byte", "[io][npy]") {
  const File file;
  sst::write_npy(file.path, Eigen::MatrixXd({{1, 2}, {3, 4}}));
  std::string header = "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 2), }";
  header.resize(117, ' ');
  CHECK(file.bytes() == npy(header + '\n', raw<double>({1, 3, 2, 4})));

  sst::write_npy(file.path, Eigen::RowVector3f(1, 2, 0.1F));
  CHECK_THAT(file.bytes(), Contains("'<f4'") && Contains("'fortran_order': False") && Contains("(1, 3)"));
  CHECK(sst::read_npy_matrix(file.path).cast<float>() == Eigen::RowVector3f(1, 2, 0.1F));

  sst::write_npy(file.path, 2 * Eigen::Vector2d(1, 2));
  CHECK(sst::read_npy_matrix(file.path) == Eigen::Vector2d(2, 4));
  CHECK(std::distance(fs::directory_iterator(file.path.parent_path()), fs::directory_iterator()) == 1);

  CHECK_THROWS_WITH(sst::write_npy(file.path.parent_path() / "none" / "b.npy", Eigen::MatrixXd::Ones(2, 2)),
                    Contains("b.npy' (there is no folder"));
  if (fs::exists("/dev/full"))
    CHECK_THROWS_WITH(sst::write_npy("/dev/full", Eigen::MatrixXd::Ones(2, 2)), Contains("(No space left"));
}

TEST_CASE("NPY files that are not", "[io][npy][error]") {
  const File file;
  const std::string name = "cannot read '" + file.path.string() + "' as NPY ";
  const std::string two = raw<double>({1, 2});
  CHECK(problem(file, "") == name + "(it does not start with \\x93NUMPY); write it with numpy.save");
  CHECK(problem(file, "1,2\n3,4\n5,6\n") ==
        name + "(it does not start with \\x93NUMPY); write it with numpy.save");
  CHECK(problem(file, npy(dict("<f8", "False", "(2,)"), two, 4)) ==
        name + "(format version 4.0); use version 1.0, 2.0 or 3.0");
  CHECK(problem(file, "\x93NUMPY" + little(2, 1) + little(0, 1) + little(1, 2)) ==
        name + "(it ends within the header); write it again");
  CHECK(problem(file, "\x93NUMPY" + little(2, 1) + little(0, 1) + little(0xFFFFFFFF, 4) + "{}") ==
        name + "(a header of 4294967295 bytes in a file of 14); write it again");
  CHECK(problem(file, npy(dict("<c16", "False", "(1,)"), two)) ==
        name + "(its dtype is '<c16'); save it as numbers: float64, float32, float16, an integer or bool");
  for (const char* type : {"|O", "<f16", "", "<", "<f88"})
    CHECK_THAT(problem(file, npy(dict(type, "False", "(1,)"), two)), StartsWith(name + "(its dtype is"));
  CHECK(problem(file, npy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}", two)) ==
        name + "(a structured array); save a plain array of numbers");
  CHECK(problem(file, npy(dict("<i8", "False", "(1,)"), raw<std::int64_t>({9007199254740993}))) ==
        name + "(the integer 9007199254740993 does not fit into a double); rescale the array");
  CHECK_THROWS_WITH(sst::read_npy(file.path.parent_path()), Contains("(it is a directory)"));
  CHECK_THROWS_WITH(sst::read_npy(file.path.parent_path() / "none.npy"), Contains("(No such file"));
}

TEST_CASE("NPY files of another size than their header says", "[io][npy][error]") {
  const File file;
  const std::string two = raw<double>({1, 2});
  CHECK(problem(file, npy(dict("<f8", "False", "(2, 3)"), two)) ==
        "cannot read '" + file.path.string() +
            "' as NPY (shape (2, 3) of <f8 does not match the 16 bytes of data that it has); write it again");
  // None of these may reserve memory; the products of some wrap around to 2 or 0.
  for (const char* shape : {"(1,)", "(3,)", "()", "(0,)", "(4611686018427387904,)", "(2305843009213693954,)",
                            "(9223372036854775809, 2)", "(4294967296, 4294967296)", "(1, 2, 2)",
                            "(18446744073709551615, 18446744073709551615)"})
    CHECK_THAT(problem(file, npy(dict("<f8", "False", shape), two)), Contains("does not match the 16 bytes"));
}

TEST_CASE("malformed NPY headers", "[io][npy][error]") {
  const File file;
  const std::string two = raw<double>({1, 2});
  const auto says = [&](const std::string& header, const std::string& part) {
    INFO(header);
    CHECK_THAT(problem(file, npy(header, two)), Contains("its header is malformed: " + part));
  };
  says("", "'{' is missing at byte 0");
  says("[]", "'{' is missing at byte 0");
  says("{}", "descr, fortran_order or shape is missing");
  says("{'descr': '<f8', 'shape': (2,)}", "descr, fortran_order or shape is missing");
  says("{'descr' '<f8'}", "':' is missing");
  says("{'descr': '<f8' 'shape': (2,)}", "'}' is missing");
  says("{'descr': '<f8", "a quoted word is missing");
  says("{descr: '<f8'}", "a quoted word is missing at byte 1");
  says("{'descr': '<f8', 'descr': '<f8'}", "the key 'descr' is unknown or repeated");
  says("{'descr': '<f8', 'magic': 1}", "the key 'magic' is unknown or repeated");
  says(dict("<f8", "Maybe", "(2,)"), "fortran_order is neither True nor False");
  says(dict("<f8", "1", "(2,)"), "fortran_order is neither True nor False");
  says(dict("<f8", "False", "2"), "'(' is missing");
  says(dict("<f8", "False", "(2)"), "the shape is not a tuple");
  says(dict("<f8", "False", "(-2,)"), "the shape is not a tuple of whole numbers, none negative");
  says(dict("<f8", "False", "(2.0,)"), "the shape is not a tuple");
  says(dict("<f8", "False", "(,)"), "the shape is not a tuple");
  says(dict("<f8", "False", "(2,,)"), "the shape is not a tuple");
  says(dict("<f8", "False", "(1 2)"), "the shape is not a tuple");
  says(dict("<f8", "False", "(99999999999999999999,)"), "an extent of the shape is too large");
  says(dict("<f8", "False", "(2,"), "");
  says(dict("<f8", "False", "(2,)") + "x", "text follows the dictionary");
  std::string many = "(";
  for (int i = 0; i < 65; ++i) many += "1,";
  says(dict("<f8", "False", many + ")"), "the shape has more than 64 dimensions");
}

TEST_CASE("damaged NPY files are errors or arrays, never anything else", "[io][npy][error]") {
  const File file;
  const std::string good = npy(dict("<f8", "True", "(2, 1)"), raw<double>({1, 2}));
  for (std::size_t length = 0; length < good.size(); ++length)
    CHECK(problem(file, good.substr(0, length)) != "no error");
  std::mt19937 random(1);
  for (std::size_t at = 0; at < good.size(); ++at)
    for (int k = 0; k < 12; ++k) {
      std::string bad = good;
      bad[at] = static_cast<char>(k == 0 ? 0 : k == 1 ? 0xFF : random());
      CHECK_NOTHROW(problem(file, bad));  // anything but a DataError would get out
    }
}

}  // namespace npy_tests
