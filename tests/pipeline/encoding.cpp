// SPDX-License-Identifier: MIT
#include <sst/pipeline/encoding.hpp>
#include <sst/pipeline/target.hpp>

#include <Eigen/Core>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../error_message.hpp"
#include "../tables/raw_table.hpp"

namespace encoding_tests {

using Catch::Matchers::Contains;
using sst::TableEncoding;

namespace {

using sst_test::raw_table;

Eigen::MatrixXd x(const TableEncoding& encoding, const std::string& text) {
  return encoding.apply(raw_table(text)).x;
}

/// A matrix by its rows.
Eigen::MatrixXd rows(std::initializer_list<std::initializer_list<double>> values) {
  return Eigen::MatrixXd(values);
}

using Strings = std::vector<std::string>;

constexpr sst::Treatments mean{.missing = sst::MissingValues::mean};
constexpr sst::Treatments drop{.missing = sst::MissingValues::drop};
constexpr sst::Treatments onehot{.text = sst::TextColumns::onehot};

}  // namespace

TEST_CASE("Plain numbers stay as they are", "[pipeline][encoding]") {
  const std::string text = "a,y,b\n1,10,2\n3,30,4\n";
  const auto encoding = TableEncoding::learn(raw_table(text), {"y"});
  CHECK(encoding.features() == Strings{"a", "b"});
  const auto encoded = encoding.apply(raw_table(text));
  CHECK(encoded.x == rows({{1, 2}, {3, 4}}));
  CHECK(encoded.targets[0] == Strings{"10", "30"});
  CHECK(sst::target_numbers(encoded, encoding) == rows({{10}, {30}}));
  CHECK(encoded.lines == std::vector<std::size_t>{2, 3});
  CHECK(encoded.dropped.empty());
  // Other rows: columns by name, in any order, with the target or without; ignored columns may be absent.
  CHECK(x(encoding, "b,a\n6,5\n") == rows({{5, 6}}));
  CHECK(encoding.apply(raw_table("b,a\n6,5\n")).targets[0].empty());
  CHECK(TableEncoding::learn(raw_table(text), {"-2"}).targets[0].name == "y");
}

TEST_CASE("Without a header columns are found by position", "[pipeline][encoding]") {
  const auto encoding = TableEncoding::learn(raw_table("1,10,2\n3,30,4\n"), {"1"});
  CHECK(encoding.features() == Strings{"x0", "x2"});
  CHECK(x(encoding, "5,50,6\n") == rows({{5, 6}}));
  CHECK(x(encoding, "5,6\n") == rows({{5, 6}}));
  CHECK_THROWS_WITH(x(encoding, "5\n"), Contains("t.csv has 1 columns and the training table 3"));
  CHECK_THROWS_WITH(x(encoding, "a,b,c\n1,2,3\n"), Contains("has a header"));
}

TEST_CASE("Missing values", "[pipeline][encoding]") {
  const std::string text = "a,b,y\n1,5,0\n,7,1\n3,nan,2\n8,9,?\n2,1,0\n";
  CHECK_THROWS_WITH(TableEncoding::learn(raw_table(text), {"y"}),
                    Contains("row 3, column 1 ('a'): the field is empty") && Contains("drop or mean"));
  const auto dropped = TableEncoding::learn(raw_table(text), {"y"}, {}, drop);
  const auto encoded = dropped.apply(raw_table(text));
  CHECK(encoded.x == rows({{1, 5}, {2, 1}}));
  CHECK(encoded.lines == std::vector<std::size_t>{2, 6});
  CHECK(encoded.dropped_rows() == 3);
  CHECK(encoded.dropped == std::map<std::string, std::size_t>{{"no value in column 1 ('a')", 1},
                                                              {"no value in column 2 ('b')", 1},
                                                              {"no value in the target", 1}});
  CHECK_THROWS_WITH(TableEncoding::learn(raw_table(text), {"y"}, {}, mean),
                    Contains("'?'") && Contains("in the target"));
  const std::string known = "a,b,y\n1,5,0\n,7,1\n3,nan,2\n";
  const auto filled = TableEncoding::learn(raw_table(known), {"y"}, {}, mean);
  CHECK(x(filled, known) == rows({{1, 5}, {2, 7}, {3, 6}}));
  CHECK(x(filled, "a,b\nNA,N/A\n") == rows({{2, 6}}));  // the training rows' means
  CHECK_THROWS_WITH(TableEncoding::learn(raw_table("a,b,y\n,1,1\n,2,2\n"), {"y"}, {}, mean),
                    Contains("column 1 ('a') has no values"));
  CHECK_THROWS_WITH(TableEncoding::learn(raw_table("a,b,y\n,1,1\n,2,2\n"), {"y"}, {}, drop),
                    Contains("no row without"));
}

TEST_CASE("Rows to predict need no target", "[pipeline][encoding]") {
  const auto encoding = TableEncoding::learn(raw_table("a,y\n1,5\n2,6\n"), {"y"});
  for (const char* blank : {"a,y\n7,\n8,\n", "a,y\n7,?\n8,NA\n"})
    CHECK(encoding.apply(raw_table(blank), sst::Purpose::predict).targets[0].empty());
  const auto some = encoding.apply(raw_table("a,y\n7,1.50\n8,\n9,3\n"), sst::Purpose::predict);
  CHECK(some.targets[0] == Strings{"1.5", "", "3"});
  CHECK(some.dropped.empty());
  CHECK(sst::known_targets(some) == std::vector<Eigen::Index>{0, 2});
  const auto known = sst::select_rows(some, sst::known_targets(some));
  CHECK(known.x == rows({{7}, {9}}));
  CHECK(known.lines == std::vector<std::size_t>{2, 4});
  CHECK(sst::target_numbers(known, encoding) == rows({{1.5}, {3}}));
  CHECK_THROWS_WITH(encoding.apply(raw_table("a,y\n7,\n8,2\n")), Contains("row 2, column 2 ('y')"));
}

TEST_CASE("Means for features, and rows without a target left out", "[pipeline][encoding]") {
  const std::string text = "a,y\n1,5\n,6\n3,\n4,8\n";
  const auto encoding =
      TableEncoding::learn(raw_table(text), {"y"}, {},
                           {.missing = sst::MissingValues::mean, .missing_target = sst::MissingTarget::drop});
  const auto encoded = encoding.apply(raw_table(text));
  CHECK(encoded.x == rows({{1}, {2.5}, {4}}));
  CHECK(encoded.dropped == std::map<std::string, std::size_t>{{"no value in the target", 1}});
}

TEST_CASE("Separators at the end of each line and of the file", "[pipeline][encoding]") {
  const std::string text = "a;y;;\n1,5;5;;\n2,5;6;;\n;;;\n;;;\n";
  const auto encoding = TableEncoding::learn(raw_table(text), {"y"});
  CHECK(encoding.features() == Strings{"a"});
  CHECK(encoding.columns[2].why == "no name and no values");
  const auto encoded = encoding.apply(raw_table(text));
  CHECK(encoded.x == rows({{1.5}, {2.5}}));
  CHECK(encoded.dropped == std::map<std::string, std::size_t>{{"nothing in the row", 2}});
  // In the middle it is no end of a file.
  CHECK_THROWS_WITH(TableEncoding::learn(raw_table("a;y\n1;2\n;\n3;4\n"), {"y"}), Contains("row 3, column"));
}

TEST_CASE("All problems of a table at once", "[pipeline][encoding][error]") {
  CHECK_THROWS_WITH(
      TableEncoding::learn(raw_table("a,b,c,y\n1,x,1,1\n,y,2,\n,x,inf,3\n4,y,4,4\n"), {"y"}),
      "t.csv has 3 kinds of problems: (1) row 2, column 2 ('b'): 'x' is not a number; correct it, leave the "
      "column out (ignore: NAME), or ask for one column a category (text: onehot). (2) row 3, column 1 "
      "('a'): the field is empty (and 1 more such); fill it, or ask for a treatment (missing: drop or "
      "mean). (3) row 3, column 4 ('y'): the field is empty in the target; fill it, or ask to drop such "
      "rows (missing-target: drop)");
  CHECK_THROWS_WITH(TableEncoding::learn(raw_table("a,b,c,y\n1,7,1,1\n2,7,2,2\n"), {"y"}),
                    Contains("2 kinds") && Contains("column 2 ('b') is constant") &&
                        Contains("column 3 ('c') equals column 1 ('a')"));
  std::string wide = "y", row = "1", other = "2";
  for (int c = 0; c < 12; ++c) {
    wide += ",x" + std::to_string(c);
    row += ",";
    other += "," + std::to_string(c);
  }
  CHECK_THROWS_WITH(TableEncoding::learn(raw_table(wide + "\n" + row + "\n" + other + "\n"), {"y"}),
                    Contains("column 9 ('x7')") && Contains("and 4 more columns") && !Contains("x8"));
}

TEST_CASE("Numbers are one category however they are written", "[pipeline][encoding]") {
  const auto learn = [](const std::string& text, const Strings& categorical) {
    return TableEncoding::learn(raw_table(text), {"y"}, {}, {.categorical = categorical});
  };
  const std::string codes = "c,y\n1,0\n1.0,1\nA,2\n01,3\n2,4\n";
  CHECK_THROWS_WITH(learn(codes, {}),
                    Contains("'A' is text, and row 6 has the number '2'") && Contains("(categorical: NAME)"));
  const auto encoding = learn(codes, {"c"});
  CHECK(encoding.features() == Strings{"c=1", "c=2", "c=A"});
  CHECK(x(encoding, codes) == rows({{1, 0, 0}, {1, 0, 0}, {0, 0, 1}, {1, 0, 0}, {0, 1, 0}}));
  CHECK(x(encoding, "c\n1e0\n2.00\n") == rows({{1, 0, 0}, {0, 1, 0}}));
  CHECK_THROWS_WITH(learn(codes, {"z"}), Contains("no column 'z'"));
  CHECK_THROWS_WITH(learn(codes, {"y"}), Contains("classify: yes"));
}

TEST_CASE("Categories that training did not have", "[pipeline][encoding]") {
  auto treatments = onehot;
  treatments.unknown = sst::UnknownCategory::none;
  const auto encoding = TableEncoding::learn(raw_table("c,y\nred,0\nblue,1\nred,2\n"), {"y"}, {}, treatments);
  const auto encoded = encoding.apply(raw_table("c\ngreen\nred\ngreen\n"));
  CHECK(encoded.x == rows({{0, 0}, {0, 1}, {0, 0}}));
  CHECK(encoded.unknown == std::map<std::string, std::size_t>{{"column 1 ('c'): 'green'", 2}});
}

TEST_CASE("More words for missing values", "[pipeline][encoding]") {
  const std::string text = "a,y\n1,0\n-,1\n-999,2\n4,3\n-999.0,4\n";
  CHECK_THROWS_WITH(TableEncoding::learn(raw_table(text), {"y"}, {}, mean), Contains("(na: -)"));
  const auto table = raw_table(text, {.missing = {"-", "-999"}});
  CHECK(TableEncoding::learn(table, {"y"}, {}, drop).apply(table).dropped_rows() == 3);
  for (const char* word : {"<NA>", "#N/A", "n/a", "NaT", "#NA"})
    CHECK(x(TableEncoding::learn(raw_table("a,y\n1,0\n3,1\n"), {"y"}, {}, mean),
            std::string("a\n") + word + "\n") == rows({{2}}));
}

TEST_CASE("Letters that cannot be seen are shown", "[pipeline][encoding][error]") {
  const auto message = [](const std::string& field) {
    return sst_test::error_message<sst::DataError>(
        [&] { TableEncoding::learn(raw_table("a,y\n" + field + ",1\n6,2\n7,3\n"), {"y"}); });
  };
  CHECK_THAT(message("\xC2\xA0"
                     "5"),
             Contains("'\\xc2\\xa05' is text") && Contains("write 5"));
  CHECK_THAT(message("\xE2\x88\x92"
                     "5"),
             Contains("'\\xe2\\x88\\x925' is text") && Contains("write -5"));
  CHECK_THAT(message("\xEF\xBB\xBF"
                     "5"),
             Contains("write 5"));
  CHECK_THAT(message("\xE2\x80\x8B"
                     "5"),
             Contains("write 5"));
}

TEST_CASE("Columns of text", "[pipeline][encoding]") {
  const std::string text = "c,a,y\nred,1,0\nblue,2,1\nred,3,2\n";
  CHECK_THROWS_WITH(TableEncoding::learn(raw_table(text), {"y"}),
                    Contains("row 2, column 1 ('c'): 'red' is not a number") && Contains("onehot"));
  const auto encoding = TableEncoding::learn(raw_table(text), {"y"}, {}, onehot);
  CHECK(encoding.features() == Strings{"c=blue", "c=red", "a"});
  CHECK(x(encoding, text) == rows({{0, 1, 1}, {1, 0, 2}, {0, 1, 3}}));
  CHECK_THROWS_WITH(x(encoding, "a,c\n1,green\n"),
                    Contains("row 2, column 2 ('c'): the category 'green' was not there in training"));
  CHECK_THROWS_WITH(x(encoding, "c,a\nred,green\n"), Contains("'green' is not a number"));
  auto both = onehot;
  both.missing = sst::MissingValues::mean;
  const auto filled =
      TableEncoding::learn(raw_table("c,y\nred,0\nblue,1\nred,2\nred,3\n,4\n"), {"y"}, {}, both);
  CHECK(x(filled, "c\n?\nred\n") == rows({{0.25, 0.75}, {0, 1}}));
  // Mixed columns are mistakes, whatever is asked for.
  CHECK_THROWS_WITH(TableEncoding::learn(raw_table("c,y\n1,0\n2,1\n1O,2\n"), {"y"}, {}, onehot),
                    Contains("row 4, column 1 ('c'): '1O' is text, and row 3 has the number '2'"));
  std::string names = "c,a,y\n";
  for (int i = 0; i < 50; ++i) names += "n" + std::to_string(i) + "," + std::to_string(i) + ",1\n";
  CHECK_THROWS_WITH(TableEncoding::learn(raw_table(names), {"y"}, {}, onehot),
                    Contains("50 different texts in 50 rows"));
  CHECK(TableEncoding::learn(raw_table(names), {"y"}, {"c"}, onehot).features() == Strings{"a"});
}

TEST_CASE("Constant and duplicate columns", "[pipeline][encoding]") {
  const std::string text = "a,k,b,t,y\n1,7,1,u,0\n2,7,2,u,1\n4,7,4,u,2\n";
  auto treatments = onehot;
  CHECK_THROWS_WITH(TableEncoding::learn(raw_table(text), {"y"}, {}, treatments),
                    Contains("column 2 ('k') is constant"));
  treatments.constant = sst::Redundant::drop;
  CHECK_THROWS_WITH(TableEncoding::learn(raw_table(text), {"y"}, {}, treatments),
                    Contains("column 3 ('b') equals column 1 ('a') in every row"));
  treatments.duplicate = sst::Redundant::drop;
  const auto encoding = TableEncoding::learn(raw_table(text), {"y"}, {}, treatments);
  CHECK(encoding.features() == Strings{"a"});
  CHECK(encoding.columns[1].why == "constant");
  CHECK(encoding.columns[2].why == "equals column 1 ('a')");
  CHECK(x(encoding, "t,a\nother,5\n") == rows({{5}}));  // what was left out is not looked at
  CHECK_THROWS_WITH(TableEncoding::learn(raw_table("k,y\n1,0\n1,1\n"), {"y"}, {}, treatments),
                    Contains("no column to predict from"));
}

TEST_CASE("A column that is left out does not make rows incomplete", "[pipeline][encoding]") {
  auto treatments = drop;
  treatments.constant = sst::Redundant::drop;
  const std::string text = "a,k,y\n1,7,0\n2,,1\n4,7,2\n";
  const auto encoding = TableEncoding::learn(raw_table(text), {"y"}, {}, treatments);
  CHECK(x(encoding, text) == rows({{1}, {2}, {4}}));
}

TEST_CASE("What no treatment covers", "[pipeline][encoding]") {
  const auto learn = [](const std::string& text, const std::string& target, const Strings& ignored = {}) {
    return TableEncoding::learn(raw_table(text), {target}, ignored, mean);
  };
  CHECK_THROWS_WITH(learn("a,y\n1,2\n", "z"), Contains("no column 'z' (it has 2: a, y)"));
  CHECK_THROWS_WITH(learn("a,y\n1,2\n", "y", {"b"}), Contains("no column 'b'"));
  CHECK_THROWS_WITH(learn("a,y\n1,2\n", "y", {"y"}), Contains("the target 'y' is to be ignored"));
  CHECK_THROWS_WITH(learn("a,y\n1,2\n", "y", {"a"}), Contains("no column to predict from"));
  CHECK_THROWS_WITH(learn("a,y\n1,2\ninf,3\n", "y"),
                    Contains("row 3, column 1 ('a'): 'inf' is not a finite"));
  CHECK_THROWS_WITH(learn("a,y\n1,2\n1e999,3\n", "y"), Contains("out of the range"));
  CHECK_THROWS_WITH(learn(",b,y\n1,2,3\n4,5,6\n", "y"), Contains("column 1 has no name in the header"));
  CHECK(learn(",b,y\n1,2,3\n4,5,6\n", "y", {"0"}).features() == Strings{"b"});
  const auto encoding = learn("a,b,y\n1,2,3\n4,6,6\n", "y");
  CHECK_THROWS_WITH(x(encoding, "a\n1\n"), Contains("no column 'b'"));
  CHECK_THROWS_WITH(x(encoding, "a,b,c\n1,2,3\n"), Contains("has the column 'c'"));
  CHECK_THROWS_WITH(x(encoding, "1,2,3\n"), Contains("no header"));
}

TEST_CASE("several targets are one table of samples and a column of numbers each", "[pipeline][encoding]") {
  const std::string text = "u,a,v,b\n1,10,0.5,3\n2,20,0.25,5\n3,30,,7\n";
  const sst::Treatments drops{.missing_target = sst::MissingTarget::drop};
  CHECK_THROWS_WITH(TableEncoding::learn(raw_table(text), {"u", "v"}), Contains("row 4, column 3 ('v')"));
  const auto encoding = TableEncoding::learn(raw_table(text), {"v", "u"}, {}, drops);
  CHECK(encoding.target_names() == Strings{"v", "u"});
  CHECK(encoding.features() == Strings{"a", "b"});
  CHECK(encoding.is_target(0));
  CHECK_FALSE(encoding.is_target(1));
  const auto learnt = encoding.apply(raw_table(text));
  CHECK(learnt.dropped.at("no value in the target 'v'") == 1);
  CHECK(sst::target_numbers(learnt, encoding) == Eigen::MatrixXd({{0.5, 1}, {0.25, 2}}));
  CHECK(sst::target_numbers(learnt, encoding, 1) == Eigen::MatrixXd({{1}, {2}}));

  // To predict, each may be there or not, in whole or in part.
  const auto predict = [&](const std::string& other) {
    return encoding.apply(raw_table(other), sst::Purpose::predict);
  };
  CHECK(predict("a,b\n1,2\n").targets == std::vector<Strings>{{}, {}});
  const auto some = predict("a,b,u\n1,2,\n3,4,5\n");
  CHECK(some.targets == std::vector<Strings>{{}, {"", "5"}});
  CHECK(sst::known_targets(some, 0).empty());
  CHECK(sst::known_targets(some, 1) == std::vector<Eigen::Index>{1});
  CHECK_THROWS_WITH(sst::target_numbers(some, encoding), Contains("has no column 'v' (a target)"));
  CHECK(sst::select_rows(some, {1}).targets == std::vector<Strings>{{}, {"5"}});

  // Without a header they are found by position, all of them or none.
  const auto plain = TableEncoding::learn(raw_table("1,10,0.5\n2,20,0.25\n"), {"0", "-1"});
  CHECK(plain.apply(raw_table("1,10,0.5\n2,20,0.25\n")).targets ==
        std::vector<Strings>{{"1", "2"}, {"0.5", "0.25"}});
  CHECK(plain.apply(raw_table("10\n20\n")).x == Eigen::MatrixXd({{10}, {20}}));
  CHECK_THROWS_WITH(plain.apply(raw_table("1,10\n2,20\n")), Contains("with the targets or without"));

  CHECK_THROWS_WITH(TableEncoding::learn(raw_table(text), {"u", "0"}, {}, drops), Contains("named twice"));
  CHECK_THROWS_WITH(TableEncoding::learn(raw_table(text), {}, {}, drops), Contains("no column is a target"));
}

}  // namespace encoding_tests
