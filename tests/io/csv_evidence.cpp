// SPDX-License-Identifier: MIT
#include <sst/io/csv.hpp>
#include <sst/tables/raw_table.hpp>

#include <Eigen/Core>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../error_message.hpp"

namespace csv_evidence_tests {

using Catch::Matchers::Contains;

namespace {

using Strings = std::vector<std::string>;

sst::RawTable table(const std::string& text, const sst::CsvFormat& format = {}) {
  return sst::parse_raw_table(text, "t.csv", format);
}
bool has_header(const std::string& text, const sst::CsvFormat& format = {}) {
  return !table(text, format).columns.empty();
}
std::string problem(const std::string& text, const sst::CsvFormat& format = {}) {
  return sst_test::error_message<sst::DataError>([&] { table(text, format); });
}
std::string number_problem(const std::string& text) {
  return sst_test::error_message<sst::DataError>([&] { sst::parse_csv(text, "t.csv"); });
}

}  // namespace

TEST_CASE("Classes in words below numbers make no header", "[io][csv]") {
  // iris, abalone, adult, sonar, zoo, cars, mushrooms, tic-tac-toe as they are published
  CHECK_FALSE(has_header("5.1,3.5,Iris-setosa\n4.9,3.0,Iris-setosa\n7.0,3.2,Iris-versicolor\n"));
  CHECK_FALSE(has_header("M,0.455,15\nM,0.35,7\nF,0.53,9\n"));
  CHECK_FALSE(has_header("39, State-gov, 77516, <=50K\n50, Private, 83311, <=50K\n38, Private, 21, >50K\n"));
  CHECK_FALSE(has_header("0.02,0.03,R\n0.04,0.05,R\n0.02,0.01,M\n"));
  CHECK_FALSE(has_header("aardvark,1,0,4,1\nantelope,1,0,4,1\nbass,0,1,0,4\nbear,1,0,4,1\n"));
  CHECK_FALSE(
      has_header("18.0 8 307.0 \"chevrolet\"\n15.0 8 350.0 \"buick\"\n18.5 6 318.0 \"plymouth\"\n"
                 "31.5 4 97.5 \"toyota\"\n"));
  CHECK_FALSE(has_header("p,x,s\ne,x,s\ne,b,s\n"));
  CHECK_FALSE(has_header("vhigh,vhigh,2,small,unacc\nvhigh,vhigh,5more,big,unacc\nlow,med,4,big,good\n"));
  CHECK_FALSE(has_header("A11 6 A34 1\nA12 48 A32 2\nA14 12 A34 1\n"));
}

TEST_CASE("Names above a table", "[io][csv]") {
  CHECK(has_header("a,b\n1,2\n"));
  CHECK(has_header("a,b,class\n1,2,x\n3,4,y\n"));
  CHECK(has_header("name,class\nAnn,x\nBob,y\n"));
  CHECK(has_header("y,n\ny,1\nn,2\n"));  // a value like a name
}

TEST_CASE("Names that are numbers", "[io][csv]") {
  // pandas without names, and with its index
  CHECK(has_header("0,1,2,3\n5.1,3.5,1.4,0.2\n4.9,3.1,1.4,0.3\n4.7,3.2,1.3,0.2\n"));
  CHECK(has_header(",0,1,2\n0,0.1,0.2,0.3\n1,0.4,0.5,0.6\n"));
  CHECK(has_header("0,1,target\n0.5,0.25,1\n"));
  // spectra by wavelength
  CHECK(has_header("400,410,420,430,440\n0.1,0.2,0.25,0.3,0.1\n0.15,0.2,0.2,0.3,0.1\n"));
  CHECK(
      has_header("400.1,402.3,404.8,406,408,411,413,416\n0.1,0.2,0.25,0.3,0.1,1,2,1\n"
                 "0.15,0.2,0.2,0.3,0.1,1,1,1.5\n1,2,1,2,1,2,1,2\n2,1,2,1,2,1,2,1\n2,1,1,1,2,1,2,1\n"));
  // R quotes names
  CHECK(has_header("\"7\",\"3\"\n1,2\n3,4\n"));
  CHECK(has_header("\"\",\"1\",\"2\"\n\"1\",0.1,0.2\n\"2\",0.3,0.1\n"));
  // Samples may count too.
  CHECK_FALSE(has_header("1,2,3\n4,5,6\n7,8,9\n"));
  CHECK_FALSE(has_header("0,1\n1,0\n"));
  CHECK_FALSE(has_header("1,2\n"));
  CHECK_FALSE(has_header("0,1,2,3,4,5,6,7\n8,9,10,11,12,13,14,15\n"));
  CHECK_FALSE(has_header("0.5,0.25,0.75,0.1\n0.1,0.2,0.9,0.8\n"));
}

TEST_CASE("Where it is open, it is asked", "[io][csv][error]") {
  for (const char* text : {"0,1,2,3\n3,1,0,2\n2,3,1,0\n", "1,2x\n3,4\n", "x,2019,2020\n0.5,1,2\n0.7,3,4\n",
                           "cod,2019,2020\nhake,6,3\nling,5,5\nray,1,1\neel,2,2\nbass,1,1\n"}) {
    CHECK_THAT(problem(text), Contains("t.csv, row 1: it is open whether '") &&
                                  Contains("are names or a sample") && Contains("(header: yes or no)"));
    CHECK(table(text, {.header = sst::CsvHeader::yes}).columns.size() ==
          table(text, {.header = sst::CsvHeader::no}).rows[0].size());
  }
  CHECK(table("1,2\n3,4\n", {.header = sst::CsvHeader::yes}).columns == Strings{"1", "2"});
  CHECK(table("a,b\nc,d\n", {.header = sst::CsvHeader::no}).rows.size() == 2);
  // One mistake in a sample of many numbers is no name.
  CHECK_THAT(number_problem("1,2x,9,5\n3,4,2,2\n5,1,7,8\n0,3,11,1\n9,9,1,2\n"),
             Contains("row 1, column 2: '2x' is not a number"));
}

TEST_CASE("A table that goes with another one repeats its names", "[io][csv]") {
  const sst::CsvFormat numbers{.known = Strings{"0", "1", "2"}};
  CHECK(table("2,1,0\n7,8,9\n", numbers).columns == Strings{"2", "1", "0"});
  CHECK(table("0,1\n1,0\n", numbers).columns == Strings{"0", "1"});
  const sst::CsvFormat nameless{.known = Strings{}};
  CHECK_FALSE(has_header("0,1,2,3\n3,1,0,2\n2,3,1,0\n", nameless));
  CHECK(has_header("a,b\n1,2\n", nameless));
}

TEST_CASE("Separators by evidence", "[io][csv]") {
  const Strings row{"1", "2", "3"};
  for (const char* text : {"a,b,c\n1,2,3\n", "a;b;c\n1;2;3\n", "a\tb\tc\n1\t2\t3\n", "a|b|c\n1|2|3\n",
                           "a b c\n1 2 3\n", "  a   b\tc \n  1 \t 2   3\t\n", "\"a\" \"b\" \"c\"\n1 2 3\n"}) {
    INFO(text);
    CHECK(table(text).columns == Strings{"a", "b", "c"});
    CHECK(table(text).rows == std::vector<Strings>{row});
  }
  // Words have blanks and commas of their own.
  CHECK(table("city,n\nLos Angeles,1\nNew York,2\n").rows[0] == Strings{"Los Angeles", "1"});
  CHECK(table("city;n\nParis, Texas;1\nRome, Italy;2\n").rows[0] == Strings{"Paris, Texas", "1"});
  CHECK(table("a;b\n1,5;2,5\n").rows[0] == Strings{"1,5", "2,5"});
  CHECK(table("\"a;b\",c\n1,2\n").columns == Strings{"a;b", "c"});
  // Empty fields between tabs, also at the end.
  CHECK(table("a\tb\tc\n1\t\t3\n\t2\t\n").rows == std::vector<Strings>{{"1", "", "3"}, {"", "2", ""}});
  CHECK(table("a;b\n1;2\n", {.separator = ','}).columns == Strings{"a;b"});
  CHECK_THAT(problem("a;b\n1;2;3\n"), Contains("ragged"));
}

TEST_CASE("Decimals with a comma by evidence", "[io][csv]") {
  CHECK(sst::parse_csv("a;b\n1,5;-0,25\n2;1e-3\n", "t.csv").values ==
        Eigen::MatrixXd{{1.5, -0.25}, {2, 1e-3}});
  CHECK(sst::parse_csv("a,b\n\"1,5\",2\n\"2,25\",3\n", "t.csv").values ==
        Eigen::MatrixXd{{1.5, 2}, {2.25, 3}});
  CHECK(sst::parse_csv("\"0,125\",2\n\"0,250\",3\n", "t.csv").values ==
        Eigen::MatrixXd{{0.125, 2}, {0.25, 3}});
  // These may be thousands, and these are mixed.
  CHECK(number_problem("a;b\n1,234;2\n2,345;3\n") ==
        "t.csv, row 2, column 1 ('a'): '1,234' has a comma (and 1 more such); write 1.234, or say that "
        "decimals have one (decimal: comma)");
  CHECK_THAT(number_problem("a;b\n1,5;2.5\n"), Contains("'1,5' has a comma"));
  CHECK(sst::parse_csv("a;b\n1,234;2\n", "t.csv", {.decimal = ','}).values == Eigen::MatrixXd{{1.234, 2}});
  CHECK_THROWS_WITH(sst::parse_csv("a;b\n1.234;2\n", "t.csv", {.decimal = ','}), Contains("'1.234'"));
}

TEST_CASE("Lines end as on any system", "[io][csv]") {
  for (const char* end : {"\n", "\r\n", "\r", "\r\r\n"}) {
    std::string text;
    for (const char* line : {"a,\"b\"", "1,2", "3,\"4\"", "", ""}) text += std::string(line) + end;
    const sst::Table read = sst::parse_csv(text, "t.csv");
    CHECK(read.columns == Strings{"a", "b"});
    CHECK(read.values == Eigen::MatrixXd{{1, 2}, {3, 4}});
  }
  CHECK(number_problem("1,2\r3,x\r") ==
        "t.csv, row 2, column 2: 'x' is not a number; write one such as 1.5 or 2e-3");
  CHECK(sst::parse_csv("1,2\r3,4\n5,6\r\n7,8", "t.csv").values.rows() == 4);
}

TEST_CASE("Encodings", "[io][csv]") {
  const auto wide = [](const std::string& text, bool big) {
    std::string out = big ? "\xFE\xFF" : "\xFF\xFE";
    for (const char c : text) out += big ? std::string{'\0', c} : std::string{c, '\0'};
    return out;
  };
  CHECK(table(wide("a,b\n1,2\n", false)).columns == Strings{"a", "b"});
  CHECK(table(wide("a,b\n1,2\n", true)).rows == std::vector<Strings>{{"1", "2"}});
  const std::string clef("\xFF\xFE\x34\xD8\x1E\xDD\n\0001\0", 10);
  CHECK(table(clef).columns == Strings{"\xF0\x9D\x84\x9E"});
  CHECK_THAT(problem(std::string("\xFF\xFE\x34\xD8\n\0001\0", 8)), Contains("half a letter at byte 2"));
  CHECK_THAT(problem(wide("a,b\n1,2\n", false).substr(2)), Contains("UTF-16 without a mark"));
  const std::string latin =
      "x,dew(\xB0"
      "C)\n1,2\n";
  CHECK(problem(latin) ==
        "t.csv, row 1, column 2: 'dew(\\xb0C)' is not UTF-8; save the file as UTF-8, or say "
        "what it is (encoding: latin-1)");
  CHECK(table(latin, {.encoding = sst::CsvEncoding::latin1}).columns[1] ==
        "dew(\xC2\xB0"
        "C)");
  CHECK_THAT(problem("x,y\n1,a\n2,\xE9\n"), Contains("row 3, column 2 ('y'): '\\xe9' is not UTF-8"));
}

TEST_CASE("What is no table of text is called by its name", "[io][csv][error]") {
  using namespace std::string_literals;
  const std::vector<std::pair<std::string, std::string>> files{
      {"\x1F\x8B\x08", "gzip"},
      {"PK\3\4...xl/workbook.xml", "Excel"},
      {"PK\3\4...arr_0.npy", "NPZ"},
      {"PK\3\4mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "OpenDocument"},
      {"\xD0\xCF\x11\xE0", "old Excel"},
      {"\x93NUMPY", "NPY"},
      {"\x89PNG", "picture"},
      {"\xFF\xD8\xFF\xE0", "picture"},
      {"%PDF-1.4", "PDF"},
      {"PAR1\x15\x04"s, "Parquet"},
      {"{\"a\": 1}", "JSON"},
      {"[{\"a\": 1}]", "JSON"},
      {"[[1, 2], [3, 4]]", "JSON"},
      {"% iris\n@RELATION iris\n@DATA\n1,2\n", "ARFF"},
      {"@relation iris\n", "ARFF"},
      {"<!DOCTYPE html>", "HTML"},
      {"+1 1:0.5 3:1\n-1 2:1\n", "libsvm"},
      {"version https://git-lfs.github.com/spec/v1\n", "LFS"}};
  for (const auto& [text, name] : files) {
    INFO(name);
    CHECK_THAT(problem(text), Contains("cannot read 't.csv' as a table of text (it is ") && Contains(name));
  }
  CHECK(table("[Na+],PAR1\n1,2\n").columns == Strings{"[Na+]", "PAR1"});
  CHECK(table("{x},y\n1,2\n").columns == Strings{"{x}", "y"});
}

TEST_CASE("Numbers too small for a double are 0, too large ones an error", "[io][csv]") {
  const sst::Table read = sst::parse_csv("1e-400,-1e-400,0.00001e-330,1000e-500,1e-99999999999\n", "t.csv");
  CHECK(read.values.isZero(0));
  for (const char* large : {"1e400", "-1e400", "100000e305", "0.001e320", "1e99999999999"})
    CHECK_THAT(number_problem(std::string("1\n") + large + "\n"), Contains("out of the range of double"));
}

TEST_CASE("A CSV of numbers tells all of its problems", "[io][csv][error]") {
  CHECK(number_problem("a,b\n1,x\n,2\n3,\n4,y\n") ==
        "t.csv has 2 kinds of problems: (1) row 2, column 2 ('b'): 'x' is not a number (and 1 more such); "
        "write one such as 1.5 or 2e-3. (2) row 3, column 1 ('a'): the field is empty (a missing value), "
        "row 4, column 2 ('b'): the field is empty (a missing value); fill it or remove the row");
}

TEST_CASE("Names that are numbers survive a CSV", "[io][csv]") {
  std::ostringstream out;
  sst::write_csv(out, Eigen::RowVector2d(5, 6), {"0", "1"});
  CHECK(out.str() == "\"0\",\"1\"\n5,6\n");
  CHECK(sst::parse_csv(out.str(), "t.csv").columns == Strings{"0", "1"});
}

}  // namespace csv_evidence_tests
