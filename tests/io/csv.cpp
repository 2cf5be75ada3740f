// SPDX-License-Identifier: MIT
#include <sst/io/csv.hpp>

#include <Eigen/Core>
#include <bit>
#include <clocale>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../error_message.hpp"
#include "../folder.hpp"

namespace csv_tests {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;

namespace {

sst::Table parse(const std::string& text, const sst::CsvFormat& format = {}) {
  return sst::parse_csv(text, "a.csv", format);
}

/// The message of the DataError that reading `text` throws.
std::string problem(const std::string& text) {
  return sst_test::error_message<sst::DataError>([&] { parse(text); });
}

Eigen::MatrixXd matrix(std::initializer_list<std::initializer_list<double>> rows) {
  return Eigen::MatrixXd(rows);
}

using sst_test::content;
using sst_test::Folder;

}  // namespace

TEST_CASE("CSV without a header", "[io][csv]") {
  const sst::Table table = parse("1,2,3\n-4,5e-1,.5\n");
  CHECK(table.values == matrix({{1, 2, 3}, {-4, 0.5, 0.5}}));
  CHECK(table.columns.empty());
  CHECK(table.source == "a.csv");
}

TEST_CASE("CSV with a header", "[io][csv]") {
  const sst::Table table = parse("crim, zn ,medv\n1,2,3\n");
  CHECK(table.values == matrix({{1, 2, 3}}));
  CHECK(table.columns == std::vector<std::string>{"crim", "zn", "medv"});
  // Some names may be numbers, one may be missing (an index column).
  CHECK(parse("0,1,target\n1,2,3\n").columns == std::vector<std::string>{"0", "1", "target"});
  CHECK(parse(",a,b\n1,2,3\n").columns == std::vector<std::string>{"", "a", "b"});
}

TEST_CASE("CSV in all its dialects", "[io][csv]") {
  const Eigen::MatrixXd expected = matrix({{1, 2}, {3, 4}});
  for (const char* text :
       {"1,2\n3,4", "1,2\n3,4\n", "1,2\r\n3,4\r\n", "1,2\r\n3,4", "1,2\n3,4\n\n\n", "1,2\n3,4\n \r\n\t\n",
        "\xEF\xBB\xBF"
        "1,2\n3,4\n",
        " 1 ,\t2\n3 , 4 \n", "+1,+2.0\n3.,4e0\n", "\"1\",\"2\"\n\"3\" , \"4\"\r\n",
        "1E0,2e+00\n0.3e1,40e-1\n"}) {
    INFO(text);
    const sst::Table table = parse(text);
    CHECK(table.values == expected);
    CHECK(table.columns.empty());
  }
  CHECK(parse("7").values == matrix({{7}}));
  CHECK(parse("7\n8\n").values == matrix({{7}, {8}}));
  CHECK(std::signbit(parse("-0\n").values(0, 0)));
}

TEST_CASE("CSV headers in quotes", "[io][csv]") {
  const sst::Table table = parse("\"a, b\", \"say \"\"hi\"\"\" ,\"two\nlines\"\r\n1,2,3\r\n");
  CHECK(table.columns == std::vector<std::string>{"a, b", "say \"hi\"", "two\nlines"});
  CHECK(table.values == matrix({{1, 2, 3}}));
  // Rows are lines of the file, also below a header of two lines.
  CHECK_THROWS_WITH(parse("\"two\nlines\",b\n1,2\n3,x\n"),
                    "a.csv, row 4, column 2 ('b'): 'x' is not a number; write one such as 1.5 or 2e-3");
}

TEST_CASE("CSV numbers do not depend on the locale", "[io][csv]") {
  // Not every system has one of these; with one, a comma would be the decimal point.
  const std::string before = std::setlocale(LC_ALL, nullptr);
  for (const char* name : {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "C"})
    if (std::setlocale(LC_ALL, name)) break;
  CHECK(parse("1.5,2.25\n").values == matrix({{1.5, 2.25}}));
  std::ostringstream out;
  sst::write_csv(out, matrix({{1234567.5, 0.25}}));
  CHECK(out.str() == "1234567.5,0.25\n");
  std::setlocale(LC_ALL, before.c_str());
}

TEST_CASE("CSV errors name the source, the row and the column", "[io][csv][error]") {
  CHECK(problem("1,2\n3,abc\n") ==
        "a.csv, row 2, column 2: 'abc' is not a number; write one such as 1.5 or 2e-3");
  CHECK(problem("x,nox\n1,2\n3,4\n5,6z\n") ==
        "a.csv, row 4, column 2 ('nox'): '6z' is not a number; write one such as 1.5 or 2e-3");
  CHECK(problem("x,y\n1,\n") ==
        "a.csv, row 2, column 2 ('y'): the field is empty (a missing value); fill it or remove the row");
  CHECK(problem("x,y\n, 2\n") ==
        "a.csv, row 2, column 1 ('x'): the field is empty (a missing value); fill it or remove the row");
  CHECK(problem("1,2\n3,NA\n") ==
        "a.csv, row 2, column 2: 'NA' stands for a missing value; fill it or remove the row");
  for (const std::string word : {"nan", "NaN", "-nan", "inf", "-Inf", "+inf", "infinity"}) {
    CHECK(problem("1,2\n" + word + ",3\n") ==
          "a.csv, row 2, column 1: '" + word + "' is not a finite number; replace it or remove the row");
  }
  CHECK(problem("1\n1e999\n") ==
        "a.csv, row 2, column 1: '1e999' is out of the range of double; rescale the column");
  CHECK(problem("1,2,3\n4,5\n6,7,8\n") ==
        "a.csv, row 2, column 3: the row ends here with 2 of 3 fields (ragged row); give every row the same "
        "number of fields");
  CHECK(problem("x,y\n1,2\n4,5,6\n") ==
        "a.csv, row 3, column 3: the row goes on after 2 fields (ragged row); give every row the same number "
        "of "
        "fields");
  CHECK(problem("1,2\n\n3,4\n") ==
        "a.csv, row 2, column 1: the row is blank (only lines at the end may be); remove it");
  CHECK(problem("\n1,2\n") ==
        "a.csv, row 1, column 1: the row is blank (only lines at the end may be); remove it");
  CHECK(problem("x,y,x\n1,2,3\n") ==
        "a.csv, row 1, column 3 ('x'): column 1 has the same name; give each column its own, or say that row "
        "1 is "
        "a sample (header: no)");
  CHECK(problem("\"x,y\n1,2\n") == "a.csv, row 1, column 1: a quote is opened and not closed; close it");
  CHECK(problem("\"x\"z,y\n1,2\n") ==
        "a.csv, row 1, column 1: text follows a closing quote; double the quotes that belong to the field");
  for (const char* empty : {"", "\n", "\r\n \n", "\xEF\xBB\xBF", "\xEF\xBB\xBF\n"})
    CHECK(problem(empty) == "a.csv has no rows (it is empty); give it one sample a row");
  CHECK(problem("x,y\n\n") == "a.csv has no rows (only a header); give it one sample a row");
}

TEST_CASE("a first row with a missing value is not taken for a header", "[io][csv][error]") {
  CHECK(problem("1,,3\n4,5,6\n") ==
        "a.csv, row 1, column 2: the field is empty (a missing value); fill it or remove the row");
  CHECK(problem("1,nan,3\n4,5,6\n") ==
        "a.csv, row 1, column 2: 'nan' is not a finite number; replace it or remove the row");
  CHECK(problem("1,NA,3\n4,5,6\n") ==
        "a.csv, row 1, column 2: 'NA' stands for a missing value; fill it or remove the row");
}

TEST_CASE("what only looks like a number", "[io][csv][error]") {
  for (const char* word : {"+-1", "++1", "+", "-", "0x10", "1_000", "1 000", "1.5.2", "1e", "--1", "1;2",
                           "e5", "1d3", "- 1", "+ 1", "1'0"}) {
    INFO(word);
    CHECK_THAT(problem(std::string("1\n") + word + "\n"), Contains("is not a number"));
  }
}

TEST_CASE("CSV errors stay on one printable line", "[io][csv][error]") {
  CHECK(problem("1\na\x01"
                "b\x1b[2J\n") ==
        "a.csv, row 2, column 1: 'a\\x01b\\x1b[2J' is not a number; write one such as 1.5 or 2e-3");
  const std::string text = problem("1\n" + std::string(5000, 'q') + "\n");
  CHECK_THAT(text, Contains("'" + std::string(40, 'q') + "...' is not a number"));
  // Cut between characters, not within one.
  CHECK_THAT(problem("1\n" + std::string(39, 'q') + "\xC3\xA9\xC3\xA9\n"),
             Contains("'" + std::string(39, 'q') + "...'"));
}

TEST_CASE("a wide first row of a short file reserves no memory for what is not there", "[io][csv][error]") {
  std::string text(200000, ',');
  for (std::size_t i = 0; i < text.size(); i += 2) text[i] = '1';
  text += "1\n" + std::string(200000, '\n') + "1";
  CHECK_THAT(problem(text), Contains("a.csv, row 2, column 1: the row is blank"));
}

TEST_CASE("a table of text has no zero bytes", "[io][csv][error]") {
  CHECK(problem(std::string("x,y\n1,2\n3,4\0 5\n", 16)) ==
        "a.csv, row 3, column 2 ('y'): '4\\x00 5' has a zero byte, as no text has (the file is binary, or "
        "damaged); "
        "save it again as CSV");
  CHECK_THROWS_WITH(sst::write_csv(std::cout, Eigen::RowVector2d(1, 2), {std::string("a\0b", 3), "c"}),
                    Contains("'a\\x00b' with a zero byte"));
}

TEST_CASE("names that other formats begin with survive", "[io][csv]") {
  for (const std::string name : {"%PDF", "GIF89", "{}", "[", "[1", "<html>", "@relation", "RIFF\x01",
                                 "-1 1:2", "version https://git-lfs"}) {
    INFO(name);
    std::stringstream stream;
    sst::write_csv(stream, Eigen::RowVector2d(1, 2), {name, "b"});
    CHECK(sst::read_csv(stream, "back").columns == std::vector<std::string>{name, "b"});
    std::stringstream alone;
    sst::write_csv(alone, Eigen::Matrix<double, 1, 1>(0.4), {name});
    CHECK(sst::read_csv(alone, "back", {.header = sst::CsvHeader::yes}).columns ==
          std::vector<std::string>{name});
  }
}

TEST_CASE("rows that are nearly all empty fields have room", "[io][csv][error]") {
  std::string text = "1,2,3,4,5,6,7,8\n";
  for (int row = 0; row < 1000; ++row) text += ",,,,,,,\n";
  CHECK_THAT(problem(text + "1,2,3,4,5,6,7,8\n"),
             Contains("the field is empty"));  // each is told, none written beyond the matrix
}

TEST_CASE("tabs that do not separate are no row", "[io][csv][error]") {
  for (const char separator : {',', ';', '|', ' '}) {
    INFO(separator);
    CHECK_THROWS_WITH(parse("\t\n", {.separator = separator}),
                      "a.csv has no rows (it is empty); give it one sample a row");
  }
}

TEST_CASE("CSV files that cannot be read", "[io][csv][error]") {
  const Folder folder;
  CHECK_THROWS_WITH(sst::read_csv(folder.path / "none.csv"),
                    Contains("cannot read '" + (folder.path / "none.csv").string() + "' (No such file") &&
                        Contains("check the path"));
  CHECK_THROWS_WITH(sst::read_csv(folder.path),
                    "cannot read '" + folder.path.string() + "' (it is a directory); name a file in it");
  const fs::path file = folder.path / "b.csv";
  std::ofstream(file) << "x,y\n1,?\n";
  CHECK_THROWS_WITH(sst::read_csv(file), file.string() +
                                             ", row 2, column 2 ('y'): '?' stands for a missing "
                                             "value; fill it or remove the row");
}

TEST_CASE("Boston housing as it ships", "[io][csv]") {
  const fs::path path = fs::path(__FILE__).parent_path() / "../../examples/data/boston_housing.csv";
  const sst::Table table = sst::read_csv(path);
  REQUIRE(table.values.rows() == 506);
  REQUIRE(table.values.cols() == 14);
  CHECK(table.values(0, 0) == 0.00632);
  CHECK(table.values(505, 13) == 11.9);
  const sst::Dataset data = sst::split_target(table, "medv");
  CHECK(data.x.cols() == 13);
  CHECK(data.features.front() == "crim");
  CHECK(data.features.back() == "lstat");
  CHECK(data.targets == std::vector<std::string>{"medv"});
  CHECK(data.y.col(0) == table.values.col(13));
  CHECK(data.y.mean() == Approx(22.532806324110677));
}

TEST_CASE("split_target by name and by index", "[io][csv]") {
  const sst::Table named = parse("a,b,c\n1,2,3\n4,5,6\n");
  for (const char* target : {"b", "1", "-2"}) {
    const sst::Dataset data = sst::split_target(named, target);
    CHECK(data.x == matrix({{1, 3}, {4, 6}}));
    CHECK(data.y == matrix({{2}, {5}}));
    CHECK(data.features == std::vector<std::string>{"a", "c"});
    CHECK(data.targets == std::vector<std::string>{"b"});
  }
  CHECK(sst::split_target(named, "0").x == matrix({{2, 3}, {5, 6}}));
  CHECK(sst::split_target(named, "-1").y == matrix({{3}, {6}}));
  const sst::Dataset bare = sst::split_target(parse("1,2,3\n"), "-3");
  CHECK(bare.y == matrix({{1}}));
  CHECK(bare.features.empty());
  CHECK(bare.targets.empty());
  // A name that is a number wins.
  CHECK(sst::split_target(parse("2,x,z,0\n7,8,9,6\n", {.header = sst::CsvHeader::yes}), "0").y ==
        matrix({{6}}));
}

TEST_CASE("split_target without such a column", "[io][csv][error]") {
  const sst::Table named = parse("a,b,c\n1,2,3\n");
  CHECK_THROWS_WITH(
      sst::split_target(named, "medv"),
      "a.csv has no column 'medv' (it has 3: a, b, c); name one of them or give an index from -3 to 2");
  for (const char* wrong : {"3", "-4", "", "1.0", " 1", "+1", "99999999999999999999"})
    CHECK_THROWS_AS(sst::split_target(named, wrong), sst::DataError);
  CHECK_THROWS_WITH(sst::split_target(parse("1,2\n"), "y"),
                    "a.csv has no column 'y' (it has 2 columns without names); name one of them or give an "
                    "index from -2 to 1");
  CHECK_THROWS_WITH(sst::split_target(parse("y\n2\n"), "y"),
                    "a.csv has no column but the target (there is nothing to predict from); add features");
  CHECK_THROWS_AS(sst::split_target(sst::Table{matrix({{1, 2}}), {"a"}, "t"}, "a"), sst::DataError);
}

TEST_CASE("every double and float survives a CSV", "[io][csv]") {
  std::mt19937_64 bits(1);
  Eigen::MatrixXd doubles(300, 7);
  for (auto& value : doubles.reshaped()) do
      value = std::bit_cast<double>(static_cast<std::uint64_t>(bits()));
    while (!std::isfinite(value));
  using Limits = std::numeric_limits<double>;
  doubles.row(0) << 0.0, -0.0, Limits::max(), Limits::lowest(), Limits::min(), Limits::denorm_min(), 0.1;
  std::stringstream stream;
  sst::write_csv(stream, doubles);
  const sst::Table back = sst::read_csv(stream, "back");
  REQUIRE(back.values.rows() == doubles.rows());
  std::size_t wrong = 0;
  for (Eigen::Index i = 0; i < doubles.size(); ++i)
    wrong += std::bit_cast<std::uint64_t>(back.values.data()[i]) !=
             std::bit_cast<std::uint64_t>(doubles.data()[i]);
  CHECK(wrong == 0);

  Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> floats(500, 3);
  for (auto& value : floats.reshaped()) do
      value = std::bit_cast<float>(static_cast<std::uint32_t>(bits()));
    while (!std::isfinite(value));
  floats.row(0) << 0.1F, std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::max();
  std::stringstream second;
  sst::write_csv(second, floats);
  CHECK(second.str().substr(0, 4) == "0.1,");
  CHECK(sst::read_csv(second, "back").values.cast<float>() == floats);
}

TEST_CASE("CSV headers survive, whatever is in them", "[io][csv]") {
  const std::vector<std::string> names{"plain",    "a,b",        "say \"hi\"",  "",
                                       " padded ", "two\nlines", "caf\xC3\xA9", "7"};
  std::stringstream stream;
  const Eigen::RowVectorXd row = Eigen::RowVectorXd::LinSpaced(8, 1, 8);
  sst::write_csv(stream, row, names);
  const sst::Table back = sst::read_csv(stream, "back");
  CHECK(back.columns == names);
  CHECK(back.values == row);
}

TEST_CASE("A name that a decimal comma makes a number is a name", "[io][csv]") {
  const std::vector<std::string> names{"a", "5,"};
  std::stringstream stream;
  sst::write_csv(stream, Eigen::RowVector2d(1, 2), names);
  CHECK(sst::read_csv(stream, "back").columns == names);
}

TEST_CASE("A name that starts with a byte order mark keeps it", "[io][csv]") {
  const std::vector<std::string> names{"\xEF\xBB\xBFname", "b"};
  std::stringstream stream;
  sst::write_csv(stream, Eigen::RowVector2d(1, 2), names);
  CHECK(sst::read_csv(stream, "back").columns == names);
}

TEST_CASE("write_csv takes expressions", "[io][csv]") {
  const Eigen::MatrixXd m = matrix({{1, 2}, {3, 4}});
  std::ostringstream out;
  sst::write_csv(out, (2 * m).transpose().topRows(1));
  CHECK(out.str() == "2,6\n");
}

TEST_CASE("what read_csv would refuse is not written", "[io][csv][error]") {
  std::ostringstream out;
  const Eigen::MatrixXd m = matrix({{1, 2}, {3, 4}});
  Eigen::MatrixXd bad = m;
  bad(1, 0) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(
      sst::write_csv(out, bad),
      "cannot write the matrix as CSV (the entry at row 1, column 0, counted from 0, is not finite); "
      "correct what computed it");
  CHECK_THROWS_WITH(sst::write_csv(out, Eigen::MatrixXd(0, 3)),
                    "cannot write an empty matrix as CSV; give it rows and columns");
  CHECK_THROWS_WITH(sst::write_csv(out, m, {"a"}), "the header has 1 names for 2 columns; give one each");
  CHECK_THROWS_WITH(sst::write_csv(out, m, {"a", "a"}),
                    "the header has the name 'a' twice; give each column its own");
  CHECK(out.str().empty());
}

TEST_CASE("a CSV file appears complete or not at all", "[io][csv]") {
  const Folder folder;
  const fs::path path = folder.path / "k.csv";
  const Eigen::MatrixXd m = matrix({{1, 2}, {3, 4}});
  sst::write_csv(path, m, {"a", "b"});
  CHECK(content(path) == "a,b\n1,2\n3,4\n");
  CHECK(folder.entries() == 1);

  Eigen::MatrixXd bad = m;
  bad(0, 0) = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(sst::write_csv(path, bad), sst::DataError);
  CHECK(content(path) == "a,b\n1,2\n3,4\n");
  CHECK(folder.entries() == 1);

  sst::write_csv(path, m);
  CHECK(content(path) == "1,2\n3,4\n");
  CHECK(folder.entries() == 1);
}

TEST_CASE("writing keeps permissions and follows links", "[io][csv]") {
  const Folder folder;
  const fs::path path = folder.path / "k.csv", link = folder.path / "link.csv";
  const Eigen::MatrixXd m = matrix({{1}});
  sst::write_csv(path, m);
  constexpr fs::perms mine = fs::perms::owner_read | fs::perms::owner_write;
  fs::permissions(path, mine);
  fs::create_symlink(path, link);
  sst::write_csv(link, matrix({{2}}));
  CHECK(fs::is_symlink(link));
  CHECK(content(path) == "2\n");
  CHECK(fs::status(path).permissions() == mine);
  fs::permissions(path, fs::perms::owner_read);
  CHECK_THROWS_WITH(sst::write_csv(path, m), Contains("'" + path.string() + "' (it is read-only)"));
}

TEST_CASE("places that cannot be written", "[io][csv][error]") {
  const Folder folder;
  const Eigen::MatrixXd m = Eigen::MatrixXd::Ones(100, 100);
  CHECK_THROWS_WITH(sst::write_csv(folder.path, m),
                    "cannot write '" + folder.path.string() +
                        "' (it is a directory); choose a place that exists, is writable and has room");
  CHECK_THROWS_WITH(sst::write_csv(folder.path / "none" / "k.csv", m),
                    Contains("k.csv' (there is no folder"));
  if (fs::exists("/dev/full")) {
    CHECK_THROWS_WITH(sst::write_csv(fs::path("/dev/full"), m), Contains("'/dev/full' (No space left"));
    CHECK_THROWS_AS(sst::write_csv(fs::path("/dev/full"), matrix({{1}})), sst::DataError);
    CHECK(fs::is_character_file("/dev/full"));
  }
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  CHECK_THROWS_WITH(sst::write_csv(out, m), Contains("cannot write CSV"));
}

}  // namespace csv_tests
