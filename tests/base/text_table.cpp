// SPDX-License-Identifier: MIT
#include <sst/base/text_table.hpp>

#include <limits>
#include <sstream>
#include <string>

#include "../catch.hpp"

namespace table_tests {

using sst::TextTable;
using Align = TextTable::Align;
using Notation = TextTable::Notation;

namespace {

template <class Print>
std::string printed(Print print) {
  std::ostringstream out;
  print(out);
  return out.str();
}

std::string text(const TextTable& table) {
  return printed([&](std::ostream& out) { out << table; });
}

TextTable results() {
  TextTable table({{"topology"},
                   {"depth", Align::right},
                   {"mse", Align::right, 3},
                   {"error", Align::right, 1, Notation::scientific}});
  table.add_row({"residual", 4, 39.81135790052491, 2e-13});
  table.add_row({"chain", 10, -1234.5, 0.0});
  return table;
}

}  // namespace

TEST_CASE("a table aligns its columns", "[base][table]") {
  CHECK(text(results()) ==
        "topology  depth        mse    error\n"
        "--------  -----  ---------  -------\n"
        "residual      4     39.811  2.0e-13\n"
        "chain        10  -1234.500  0.0e+00\n");
  CHECK(results().size() == 2);
}

TEST_CASE("a table as Markdown", "[base][table]") {
  CHECK(printed([](std::ostream& out) { results().print_markdown(out); }) ==
        "| topology | depth |       mse |   error |\n"
        "|----------|------:|----------:|--------:|\n"
        "| residual |     4 |    39.811 | 2.0e-13 |\n"
        "| chain    |    10 | -1234.500 | 0.0e+00 |\n");
  TextTable table({{"a|b", Align::center}});
  table.add_row({"x|y\nz"});
  CHECK(printed([&](std::ostream& out) { table.print_markdown(out); }) ==
        "|  a\\|b  |\n"
        "|:------:|\n"
        "| x\\|y z |\n");
}

TEST_CASE("a table counts characters, not bytes", "[base][table]") {
  TextTable table({{"\xE2\x88\x9Aq"}, {"n", Align::center}});
  table.add_row({"caf\xC3\xA9", "abc"});
  table.add_row({"cafe", "x"});
  CHECK(text(table) == "\xE2\x88\x9Aq     n\n----  ---\ncaf\xC3\xA9  abc\ncafe   x\n");
}

TEST_CASE("a table's numbers", "[base][table]") {
  using Limits = std::numeric_limits<double>;
  TextTable table({{"x", Align::left, 2}});
  for (const double value : {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(), 0.125, -0.001})
    table.add_row({value});
  table.add_row({0.5F});
  table.add_row({std::size_t{7}});
  CHECK(text(table) == "x\n-----\nnan\ninf\n-inf\n0.12\n-0.00\n0.50\n7\n");
  TextTable wide({{"x", Align::left, 100}});
  wide.add_row({Limits::lowest()});
  CHECK(text(wide).size() > 400);
  CHECK(text(TextTable({{"a"}, {"b"}})) == "a  b\n-  -\n");
}

TEST_CASE("tables that cannot be", "[base][table][error]") {
  CHECK_THROWS_WITH(TextTable({}), "the table has no columns; give it at least one");
  CHECK_THROWS_WITH(TextTable({{"a"}, {"x", Align::left, 101}}),
                    "column 'x' has 101 digits (the range is 0 to 100); choose fewer");
  CHECK_THROWS_AS(TextTable({{"a"}, {"x", Align::left, -1}}), sst::DataError);
  TextTable table({{"a"}, {"b"}});
  CHECK_THROWS_WITH(table.add_row({1}), "a row of 1 cells in a table of 2 columns; give one cell each");
}

}  // namespace table_tests
