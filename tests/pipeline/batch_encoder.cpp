// SPDX-License-Identifier: MIT
#include <sst/pipeline/batch_encoder.hpp>

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <sst/io/bytes.hpp>
#include <sst/pipeline/encoding.hpp>
#include <sst/pipeline/target.hpp>
#include <sst/tables/raw_table_reader.hpp>

#include "../catch.hpp"
#include "../error_message.hpp"
#include "../tables/raw_table.hpp"

namespace batch_encoder_tests {

namespace {

/// What a table becomes, whole or in batches.
struct Encoded {
  Eigen::MatrixXd x;
  std::vector<std::vector<std::string>> targets;
  std::vector<std::size_t> lines;
  std::map<std::string, std::size_t> dropped, unknown;
  std::string problem = "no error";
};

/// As if a target of which nothing is known had fields, all of them empty.
std::vector<std::vector<std::string>> filled(std::vector<std::vector<std::string>> targets,
                                             std::size_t rows) {
  for (auto& fields : targets) fields.resize(rows);
  return targets;
}

Encoded whole(const sst::TableEncoding& encoding, const std::string& text, sst::Purpose purpose) {
  Encoded out;
  out.problem = sst_test::error_message<sst::DataError>([&] {
    const sst::EncodedTable table = encoding.apply(sst_test::raw_table(text), purpose);
    out = {table.x, filled(table.targets, table.lines.size()), table.lines, table.dropped, table.unknown};
  });
  return out;
}

Encoded in_batches(const sst::TableEncoding& encoding, const std::string& text, sst::Purpose purpose,
                   std::size_t read, Eigen::Index take) {
  Encoded out;
  out.problem = sst_test::error_message<sst::DataError>([&] {
    sst::MemorySource source(text, "t.csv");
    sst::RawTableReader reader(source);
    sst::BatchEncoder encoder(encoding, purpose);
    out.x.resize(0, static_cast<Eigen::Index>(encoding.features().size()));
    out.targets.resize(encoding.targets.size());
    for (bool more = true; more;) {
      const sst::RawTable rows = reader.next(read);
      more = !rows.rows.empty();
      if (more) encoder.add(rows);
      while (encoder.waiting() >= (more ? take : 1)) {
        const sst::EncodedTable table = encoder.take(take);
        REQUIRE((table.x.rows() == take || !more));
        REQUIRE(table.lines.size() == static_cast<std::size_t>(table.x.rows()));
        const Eigen::Index before = out.x.rows();
        out.x.conservativeResize(before + table.x.rows(), Eigen::NoChange);
        out.x.bottomRows(table.x.rows()) = table.x;
        out.lines.insert(out.lines.end(), table.lines.begin(), table.lines.end());
        const auto targets = filled(table.targets, table.lines.size());
        for (std::size_t t = 0; t < targets.size(); ++t)
          out.targets[t].insert(out.targets[t].end(), targets[t].begin(), targets[t].end());
      }
    }
    encoder.finish();
    REQUIRE(encoder.rows() == out.x.rows());
    out.dropped = encoder.counts().dropped;
    out.unknown = encoder.counts().unknown;
  });
  return out;
}

void same_in_batches(const sst::TableEncoding& encoding, const std::string& text, sst::Purpose purpose) {
  const Encoded one = whole(encoding, text, purpose);
  for (const std::size_t read : {1U, 2U, 7U})
    for (const Eigen::Index take : {1, 10}) {
      const Encoded many = in_batches(encoding, text, purpose, read, take);
      INFO("read " << read << ", take " << take << " of " << text);
      REQUIRE(many.problem == one.problem);
      if (one.problem != "no error") continue;
      REQUIRE((many.x == one.x && many.targets == one.targets && many.lines == one.lines));
      REQUIRE((many.dropped == one.dropped && many.unknown == one.unknown));
    }
}

const std::string training = "a,b,c,y\n1,2,p,1\n2,5,q,3\n4,1,p,2\n3,3,r,7\n";

}  // namespace

TEST_CASE("A table is encoded in batches as it is whole", "[pipeline]") {
  std::mt19937 words(11);
  std::size_t sound = 0, tables = 0;
  for (const auto missing : {sst::MissingValues::error, sst::MissingValues::drop, sst::MissingValues::mean}) {
    const auto encoding = sst::TableEncoding::learn(
        sst_test::raw_table(training), {"y"}, {},
        {.missing = missing, .text = sst::TextColumns::onehot, .unknown = sst::UnknownCategory::none});
    for (int trial = 0; trial < 24; ++trial) {
      // Now and then something is missing, unknown, wrong, or there is nothing at all in a row.
      const std::size_t faults = trial % 3 == 0 ? 0 : words() % 4;
      std::string text = "y,c,a,b\n";
      for (std::size_t row = 0; row < 25; ++row) {
        const bool fault = words() % 10 < faults;
        if (fault && words() % 3 == 0)
          text += ",,,\n";
        else
          text += std::string(words() % 2 ? "1" : "") + ',' + "pqrs"[words() % 4] + ',' +
                  (fault && words() % 2        ? ""
                   : fault && words() % 4 == 0 ? "x"
                                               : "1.5") +
                  ',' + "2\n";
      }
      for (std::size_t row = words() % 20; row > 0; --row) text += ",,,\n";
      for (const auto purpose : {sst::Purpose::learn, sst::Purpose::predict}) {
        same_in_batches(encoding, text, purpose);
        sound += whole(encoding, text, purpose).problem == "no error";
        ++tables;
      }
    }
  }
  CHECK(sound > tables / 4);
  CHECK(sound < tables);
}

TEST_CASE("What no batch alone can tell is told at the end", "[pipeline][error]") {
  const auto encoding = sst::TableEncoding::learn(sst_test::raw_table(training), {"y"}, {"c"},
                                                  {.missing = sst::MissingValues::drop});
  // No row is complete; a target in a late row alone; none at all; columns that are not those of training.
  for (const std::string text :
       {"a,b\n1,\n,2\n,\n", "a,b,y\n1,2,\n1,2,\n1,2,\n3,4,5\n", "a,b,y\n1,2,\n1,2,\n", "a,q\n1,2\n", "a,b\n"})
    for (const auto purpose : {sst::Purpose::learn, sst::Purpose::predict})
      same_in_batches(encoding, text, purpose);
}

}  // namespace batch_encoder_tests
