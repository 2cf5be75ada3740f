// SPDX-License-Identifier: MIT
#include <sst/tables/raw_table.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../folder.hpp"
#include "raw_table.hpp"

namespace table_tests {

using Catch::Matchers::Contains;

using sst_test::raw_table;

TEST_CASE("A raw table keeps its fields and lines", "[tables][table]") {
  const auto table =
      raw_table("\xEF\xBB\xBFname, size\r\n\"a, \"\"b\"\"\", 1.50 \r\n\"two\nlines\",NA\r\n,x\r\n\r\n");
  CHECK(table.columns == std::vector<std::string>{"name", "size"});
  REQUIRE(table.rows.size() == 3);
  CHECK(table.rows[0] == std::vector<std::string>{"a, \"b\"", "1.50"});
  CHECK(table.rows[1] == std::vector<std::string>{"two\nlines", "NA"});
  CHECK(table.rows[2] == std::vector<std::string>{"", "x"});
  CHECK(table.lines == std::vector<std::size_t>{2, 3, 5});
  CHECK(table.source == "t.csv");
  CHECK(raw_table("1,2\n3,4\n").columns.empty());
  CHECK(raw_table("1,2\n3,4\n").rows.size() == 2);
}

TEST_CASE("Raw tables that are refused", "[tables][table]") {
  CHECK_THROWS_WITH(raw_table(""), Contains("t.csv has no rows"));
  CHECK_THROWS_WITH(raw_table("a,b\n"), Contains("only a header"));
  CHECK_THROWS_WITH(raw_table("a,a\n1,2\n"), Contains("has the same name"));
  CHECK_THROWS_WITH(raw_table("a,b\nx\n"), Contains("t.csv, row 2, column 2 ('b')") && Contains("ragged"));
  CHECK_THROWS_WITH(raw_table("a,b\nx,y,z\n"), Contains("ragged"));
  CHECK_THROWS_WITH(raw_table("a,b\n\nx,y\n"), Contains("row 2") && Contains("blank"));
  CHECK_THROWS_WITH(raw_table("a,b\n\"x,y\n"), Contains("a quote is opened"));
  CHECK_THROWS_WITH(sst::read_raw_table(std::filesystem::path("none.csv")), Contains("none.csv"));
}

TEST_CASE("A table that is written reads back", "[tables][table]") {
  const sst_test::Folder folder;
  const auto file = folder.path / "a.csv";
  const std::vector<std::string> columns{"row", "a \"b\", c"};
  const std::vector<std::vector<std::string>> rows{{"1", " padded "}, {"2", ""}, {"3", "x\ny"}};
  sst::write_raw_table(file, columns, rows);
  const auto table = sst::read_raw_table(file, {.header = sst::CsvHeader::yes, .separator = ','});
  CHECK(table.columns == columns);
  CHECK(table.rows == rows);
  CHECK_THROWS_WITH(sst::write_raw_table(file, columns, {{"1"}}), Contains("1 fields for 2 columns"));
  CHECK(sst::read_raw_table(file).rows == rows);
  std::filesystem::remove(file);
}

TEST_CASE("A table says how it was written", "[tables][table]") {
  const auto plain = raw_table("a,b\n1,2\n");
  CHECK(plain.format.separator == ',');
  CHECK(plain.format.decimal == '.');
  CHECK(plain.format.header == sst::CsvHeader::yes);
  const auto other = raw_table("1,5;x\n2,5;x\n");
  CHECK(other.format.separator == ';');
  CHECK(other.format.decimal == ',');
  CHECK(other.format.header == sst::CsvHeader::no);
}

}  // namespace table_tests
