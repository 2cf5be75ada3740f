// SPDX-License-Identifier: MIT
// A CSV file: as numbers and as a table of texts, both written again, and the table encoded. The first byte
// chooses the treatments, the second what is said about the format.
#include "fuzz.hpp"

#include <sstream>
#include <string>
#include <string_view>

#include <sst/io/csv.hpp>
#include <sst/pipeline/encoding.hpp>
#include <sst/pipeline/target.hpp>
#include <sst/tables/raw_table.hpp>

namespace {

/// A format of which some parts are told and others found out.
sst::CsvFormat format(unsigned choice) {
  sst::CsvFormat out;
  out.header = static_cast<sst::CsvHeader>((choice & 3U) % 3U);
  out.separator = std::string_view("\0\0\0,;\t| ", 8)[choice >> 2U & 7U];
  if ((choice & 32U) != 0) out.decimal = ',';
  if ((choice & 64U) != 0) out.encoding = sst::CsvEncoding::latin1;
  if ((choice & 128U) != 0) out.missing = {"-", "-999"};
  return out;
}

void numbers(const std::string& text, const sst::CsvFormat& format) {
  sst::Table table;
  std::istringstream in(text);
  if (!fuzz::succeeds([&] { table = sst::read_csv(in, "input", format); })) return;
  fuzz::require(table.values.size() > 0 && table.values.allFinite(), "a table has finite numbers");
  std::stringstream copy;
  sst::write_csv(copy, table.values, table.columns);
  sst::CsvFormat plain;
  if (table.columns.empty()) plain.header = sst::CsvHeader::no;
  const sst::Table again = sst::read_csv(copy, "copy", plain);
  fuzz::require(fuzz::same_bits(again.values, table.values) && again.columns == table.columns,
                "numbers read back as they were written");
  fuzz::succeeds([&] {
    const sst::Dataset dataset = sst::split_target(table, "-1");
    fuzz::require(dataset.x.cols() + dataset.y.cols() == table.values.cols(), "a split keeps every column");
  });
}

void texts(const std::string& text, const sst::CsvFormat& format, const sst::Treatments& treatments) {
  sst::RawTable table;
  std::istringstream in(text);
  if (!fuzz::succeeds([&] { table = sst::read_raw_table(in, "input", format); })) return;
  fuzz::require(table.lines.size() == table.rows.size(), "each row has its line");
  if (!table.columns.empty()) {
    const auto path = fuzz::folder() / "copy.csv";
    sst::write_raw_table(path, table.columns, table.rows);
    const sst::RawTable again = sst::read_raw_table(path, {.header = sst::CsvHeader::yes, .separator = ','});
    fuzz::require(again.columns == table.columns && again.rows == table.rows,
                  "texts read back as they were written");
  }
  sst::TableEncoding encoding;
  if (!fuzz::succeeds([&] { encoding = sst::TableEncoding::learn(table, {"-1"}, {}, treatments); })) return;
  const sst::EncodedTable encoded = encoding.apply(table);
  // Rows that `learn` left out may hold categories that it has not seen.
  fuzz::succeeds([&] { encoding.apply(table, sst::Purpose::predict); });
  fuzz::require(encoded.x.allFinite(), "encoded samples are finite");
  fuzz::require(static_cast<std::size_t>(encoded.x.cols()) == encoding.features().size(),
                "each encoded column has a name");
  fuzz::succeeds([&] { sst::target_numbers(encoded, encoding); });
  fuzz::succeeds([&] { sst::target_classes(encoded); });
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Stopwatch stopwatch;
  fuzz::Parts parts(data, size);
  const unsigned choice = parts.byte();
  const sst::CsvFormat told = format(parts.byte());
  const std::string text(parts.rest());
  numbers(text, told);
  texts(text, told,
        {.missing = static_cast<sst::MissingValues>((choice & 3U) % 3U),
         .text = static_cast<sst::TextColumns>(choice >> 2U & 1U),
         .constant = static_cast<sst::Redundant>(choice >> 3U & 1U),
         .duplicate = static_cast<sst::Redundant>(choice >> 4U & 1U)});
  return 0;
}
