// SPDX-License-Identifier: MIT
#include <sst/tables/raw_table_reader.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../error_message.hpp"
#include "../folder.hpp"
#include "../little_memory.hpp"
#include "raw_table.hpp"

namespace raw_table_reader_tests {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using Strings = std::vector<std::string>;

namespace {

/// A text that goes on with another one, again and again, for so many bytes.
class EndlessSource : public sst::ByteSource {
 public:
  EndlessSource(std::string start, std::string again, std::uint64_t bytes)
      : ByteSource("t.csv"), start_(std::move(start)), again_(std::move(again)), left_(bytes) {}
  std::size_t read(unsigned char* bytes, std::size_t count) override {
    count = static_cast<std::size_t>(std::min<std::uint64_t>(count, left_));
    left_ -= count;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string& text = at_ < start_.size() ? start_ : again_;
      bytes[i] = static_cast<unsigned char>(text[at_ < start_.size() ? at_ : at_ - start_.size()]);
      if (++at_ == start_.size() + again_.size()) at_ = start_.size();
    }
    return count;
  }
  std::uint64_t at_most() const override { return left_; }

 private:
  std::string start_, again_;
  std::size_t at_ = 0;
  std::uint64_t left_;
};

/// The whole table, put together from batches; and what the error says if there is one.
struct Read {
  sst::RawTable table;
  std::string problem = "no error";
};
Read whole(const std::string& text, const sst::CsvFormat& format) {
  Read out;
  out.problem =
      sst_test::error_message<sst::DataError>([&] { out.table = sst_test::raw_table(text, format); });
  return out;
}
Read in_batches(const std::string& text, const sst::CsvFormat& format, std::size_t rows, std::size_t piece) {
  Read out;
  out.problem = sst_test::error_message<sst::DataError>([&] {
    sst::MemorySource source(text, "t.csv");
    sst::RawTableReader reader(source, format, piece);
    for (bool first = true;; first = false) {
      sst::RawTable batch = reader.next(rows);
      if (batch.rows.empty()) break;
      REQUIRE(batch.lines.size() == batch.rows.size());
      if (first) {
        out.table = std::move(batch);
        continue;
      }
      REQUIRE(batch.columns == out.table.columns);
      out.table.rows.insert(out.table.rows.end(), batch.rows.begin(), batch.rows.end());
      out.table.lines.insert(out.table.lines.end(), batch.lines.begin(), batch.lines.end());
    }
    CHECK(reader.next(rows).rows.empty());
  });
  return out;
}

void same_in_batches(const std::string& text, const sst::CsvFormat& format, std::size_t rows,
                     std::size_t piece) {
  const Read one = whole(text, format), many = in_batches(text, format, rows, piece);
  const bool same = one.problem == many.problem &&
                    (one.problem != "no error" ||
                     (one.table.columns == many.table.columns && one.table.rows == many.table.rows &&
                      one.table.lines == many.table.lines && one.table.source == many.table.source &&
                      one.table.format.separator == many.table.format.separator &&
                      one.table.format.decimal == many.table.format.decimal &&
                      one.table.format.header == many.table.format.header));
  INFO(rows << " rows, pieces of " << piece << ", of: " << text.substr(0, 300));
  INFO("whole: " << one.problem << "\nbatches: " << many.problem);
  REQUIRE(same);
}
void same_in_all_batches(const std::string& text, const sst::CsvFormat& format = {}) {
  for (const std::size_t rows : {1U, 2U, 7U, 1000U})
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 64U, 1U << 18U})
      same_in_batches(text, format, rows, piece);
}

std::string wide(const std::string& text, bool big) {
  std::string out = big ? "\xFE\xFF" : "\xFF\xFE";
  for (const char c : text) out += big ? std::string{'\0', c} : std::string{c, '\0'};
  return out;
}

}  // namespace

TEST_CASE("A table in batches is the table", "[tables][csv]") {
  for (const char* end : {"\n", "\r\n", "\r", "\r\r\n"})
    for (const std::string row :
         {"1,2,3", "a,\"b\"\"c\", d ", "\"x\"", "1;2,5;3", "1\t\t3", " 1  2   3 ", "a|b", "1,2,3,,"}) {
      std::string text;
      for (int i = 0; i < 9; ++i) text += row + end;
      same_in_all_batches(text);
      same_in_all_batches("p,q,r" + std::string(end) + text);
      same_in_all_batches(text + end + " " + end + "\t" + end);
      same_in_all_batches(text.substr(0, text.size() - 1));
    }
  const std::string bell = "a,\xC3\xA9\n1,\xE2\x82\xAC\n2,\xF0\x9D\x84\x9E\n";
  same_in_all_batches(bell);
  same_in_all_batches("\xEF\xBB\xBF" + bell);
  same_in_all_batches(bell, {.encoding = sst::CsvEncoding::latin1});
  same_in_all_batches(wide("a,b\r\n1,\"2\r\n3\"\r\n4,5\r\n\r\n", false));
  same_in_all_batches(wide("a,b\n1,2\n", true));
  same_in_all_batches(std::string("\xFF\xFE\x34\xD8\x1E\xDD\n\0001\0", 10));
}

TEST_CASE("What is wrong with a table is so in batches, in the same words", "[tables][csv][error]") {
  using namespace std::string_literals;
  for (const std::string& text : {""s,
                                  "\n"s,
                                  "\xEF\xBB\xBF\n"s,
                                  "\t\n"s,
                                  "x,y\n\n"s,
                                  "1,2\n3\n"s,
                                  "1,2\n3,4,5\n"s,
                                  "1,2\n\n3,4\n"s,
                                  "\n1,2\n"s,
                                  "x,y,x\n1,2,3\n"s,
                                  "\"x,y\n1,2\n"s,
                                  "\"x\"z,y\n1,2\n"s,
                                  "x,y\n1,2\n3,4\0 5\n"s,
                                  "x,y\n1,a\n2,\xE9\n"s,
                                  "x,y\n1,\xC3\n2,3\n"s,
                                  "x,\xE2\x82\n1,2\n"s,
                                  "x,y\n1,\"\xE9 and on\"\n"s,
                                  "x,y\n1,2\n3,\"4\n\n\n"s,
                                  "0,1,2,3\n3,1,0,2\n2,3,1,0\n"s,
                                  "{\"a\": 1}"s,
                                  "\x1F\x8B\x08"s,
                                  "\xFF\xFE\x34\xD8\n\0001\0"s,
                                  "\xFF\xFE\x31"s,
                                  "a\0b\0"s,
                                  "a;b\n1;2;3\n"s,
                                  "1,2\n3,\xE9\n4\n"s,
                                  "1,2\n4\n3,\xE9\n"s,
                                  "x,y\n1,\0\n"s})
    same_in_all_batches(text);
}

TEST_CASE("Tables of the fuzzer's corpus are the same in batches", "[tables][csv]") {
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(SST_TEST_DIR) / "fuzz/corpus/csv")) {
    const std::string text = sst_test::content(entry.path()).substr(2);  // behind the fuzzer's settings
    for (const std::size_t rows : {1U, 2U, 7U}) {
      same_in_batches(text, {}, rows, 5);
      same_in_batches(text, {.header = sst::CsvHeader::no, .separator = ','}, rows, 1 << 10);
    }
    ++files;
  }
  CHECK(files > 10);
}

TEST_CASE("Texts at random are the same in batches, right or wrong", "[tables][csv]") {
  std::mt19937 words(7);
  const std::string_view letters = "1122345,,,,\n\n\n;\t \"\".-ab\r\xC3\xA9";
  std::size_t tables = 0;
  for (int trial = 0; trial < 4000; ++trial) {
    std::string text;
    const std::size_t length = 1 + words() % 60;
    for (std::size_t i = 0; i < length; ++i) text += letters[words() % letters.size()];
    // Most texts at random are no tables: half of them repeat a row.
    if (trial % 2 == 0) {
      std::erase_if(text, [](char c) { return c == '\n' || c == '\r'; });
      std::string row = text + (trial % 4 == 0 ? "\n" : "\r\n");
      text = row + row + row + row;
    }
    const sst::CsvFormat format{.header = static_cast<sst::CsvHeader>(words() % 3),
                                .separator = std::string_view("\0,;\t ", 5)[words() % 5]};
    same_in_batches(text, format, 1 + words() % 3, 1 + words() % 9);
    tables += whole(text, format).problem == "no error";
  }
  CHECK(tables > 300);
}

TEST_CASE("Evidence that reaches beyond what is read at once is the same", "[tables][csv]") {
  // The first row alone is longer than what counts as evidence; and blanks at the end of a long table.
  std::string text = "name,\"" + std::string(std::size_t{1} << 19U, 'x') + "\"\n";
  for (int i = 0; i < 300; ++i) text += "1,2\n";
  same_in_batches(text, {}, 100, 1 << 14);
  std::string narrow;
  for (int i = 0; i < 150; ++i) narrow += "1;2,5\n";
  same_in_batches(narrow + std::string(400000, '\n'), {}, 64, 1 << 12);
  // An inch is a quote to a blank that separates, and there is no other one for long.
  std::string inches = "size,n\n";
  for (int i = 0; i < 60000; ++i) inches += i == 3 ? "6 \"x,1\n" : "6 x,12345\n";
  same_in_batches(inches, {}, 5000, 1 << 15);
  std::string late = "a;b\n";
  for (int i = 0; i < 60000; ++i) late += i == 59000 ? "1;2;3\n" : "1,5;2\n";
  same_in_batches(late, {}, 999, 1 << 15);
}

TEST_CASE("Rows with nothing in them come with the next one", "[tables][csv]") {
  const std::string text = "a,b\n1,2\n,\n,\n3,4\n5,6\n,\n,\n";
  sst::MemorySource source(text, "t.csv");
  sst::RawTableReader reader(source);
  CHECK(reader.next(1).rows == std::vector<Strings>{{"1", "2"}});
  const sst::RawTable rows = reader.next(1);
  CHECK(rows.rows == std::vector<Strings>{{"", ""}, {"", ""}, {"3", "4"}});
  CHECK(rows.lines == std::vector<std::size_t>{3, 4, 5});
  CHECK(reader.next(2).rows.size() == 3);
  CHECK(reader.next(1).rows.empty());
}

TEST_CASE("A table of any length is read in little memory", "[tables][csv]") {
  constexpr std::size_t count = 3000000;
  const std::string row = "1.25,\"two\",3,4.5,-6e-3,7,8,9\n";
  EndlessSource source("", row, row.size() * count);
  const sst_test::LittleMemory limit(40 << 20);
  sst::RawTableReader reader(source);
  std::size_t rows = 0;
  for (std::size_t got = 1; got > 0; rows += got) got = reader.next(1000).rows.size();
  CHECK(rows == count);
}

TEST_CASE("A row without an end is an error, and takes no more memory than the longest row",
          "[tables][csv][error]") {
  const auto problem = [](const std::string& start, const std::string& again) {
    EndlessSource source(start, again, std::uint64_t{1} << 40U);
    return sst_test::error_message<sst::DataError>([&] {
      sst::RawTableReader reader(source, {.header = sst::CsvHeader::no, .separator = ','});
      while (!reader.next(1000).rows.empty()) continue;
    });
  };
  for (const std::string text : {"x", " "})
    CHECK_THAT(problem("", text),
               Contains("t.csv, row 1, column ") && Contains("the row goes on for more than 32 MiB"));
  CHECK_THAT(problem("", "\n"), Contains("the row is blank"));
  CHECK_THAT(problem("", std::string(1, '\0')), Contains("more than 32 MiB"));
  CHECK(problem("1,2\n3,\"4\n", "5\n") ==
        "t.csv, row 2, column 2: the row goes on for more than 32 MiB (a quote may be open, or the file may "
        "have no lines); give it one sample a row");
}

TEST_CASE("A table from a stream and from a file", "[tables][csv]") {
  const std::string text = "a,b\n1,2\n3,4\n";
  std::istringstream in(text);
  sst::StreamSource stream(in, "pipe");
  CHECK(stream.start() == "a,b\n1,2\n");
  sst::RawTableReader reader(stream);
  CHECK(reader.next(9).rows == std::vector<Strings>{{"1", "2"}, {"3", "4"}});
  CHECK(stream.taken() == text.size());
  const sst_test::Folder folder;
  sst::FileSource file(folder.write("t.csv", text));
  sst::RawTableReader again(file);
  CHECK(again.next(9).rows.size() == 2);
}

}  // namespace raw_table_reader_tests
