// SPDX-License-Identifier: MIT

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <sst/io/npy.hpp>
#include <sst/io/store/tile_store.hpp>

#include "../../catch.hpp"
#include "../../folder.hpp"
#include "../../matrices.hpp"

namespace tile_store_tests {

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using Eigen::Index;

using sst_test::content;
using sst_test::Folder;

void write(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

// A kernel with some arithmetic in it, which counts its tiles and can fail or take its time.
template <class Scalar>
struct Tiles {
  Eigen::MatrixXd a, b;
  bool symmetric = true;
  Index fails_after = 1000000;
  double seconds = 0;
  mutable std::atomic<Index> calls = 0;
  mutable std::atomic<bool> above = false;

  Tiles(Index n, Index m, bool same, unsigned seed = 1) : symmetric(same) {
    a = sst_test::normal(n, 5, seed);
    b = same ? a : sst_test::normal(m, 5, seed + 1);
  }
  Index rows() const { return a.rows(); }
  Index cols() const { return b.rows(); }
  Scalar entry(Index i, Index j) const {
    return static_cast<Scalar>(std::exp(-(a.row(i) - b.row(j)).norm()));
  }
  void evaluate(Index row0, Index rows, Index col0, Index cols, Scalar* out, Index stride) const {
    if (++calls > fails_after) throw sst::DataError("the evaluator gave up");
    if (symmetric && row0 < col0) above = true;
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    for (Index j = 0; j < cols; ++j)
      for (Index i = 0; i < rows; ++i) out[j * stride + i] = entry(row0 + i, col0 + j);
  }
  auto matrix() const {
    Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> out(rows(), cols());
    for (Index j = 0; j < cols(); ++j)
      for (Index i = 0; i < rows(); ++i) out(i, j) = symmetric && i < j ? entry(j, i) : entry(i, j);
    return out;
  }
  sst::TileStoreHeader header(Index tile) const {
    return {.rows = rows(),
            .columns = cols(),
            .symmetry = symmetric ? sst::TileSymmetry::symmetric : sst::TileSymmetry::general,
            .tile = tile,
            .data = sst::Fingerprint().add(a).add(b).text(),
            .topology = R"({"sst_topology": 1})",
            .kernel = "ntk",
            .arithmetic = "double"};
  }
};

template <class Scalar>
void round_trip(Index n, Index m, bool symmetric, Index tile, Index tiles) {
  const Folder folder;
  const Tiles<Scalar> evaluator(n, m, symmetric);
  sst::TileStore<Scalar> store(folder.path / "gram", evaluator.header(tile));
  CHECK(store.tiles() == tiles);
  const sst::TileReport report = store.fill(evaluator);
  CHECK(report.computed == tiles);
  CHECK(report.reused == 0);
  CHECK(report.damaged == 0);
  CHECK(evaluator.calls == tiles);
  CHECK_FALSE(evaluator.above);
  CHECK(store.assemble() == evaluator.matrix());
  store.write_npy(folder.path / "gram.npy");
  CHECK(sst::read_npy_matrix(folder.path / "gram.npy").template cast<Scalar>() == evaluator.matrix());
  CHECK(store.fill(evaluator).reused == tiles);
  CHECK(evaluator.calls == tiles);
  double bytes = 0;
  for (const auto& entry : fs::directory_iterator(folder.path / "gram"))
    bytes += static_cast<double>(fs::file_size(entry));
  CHECK(sst::TileStore<Scalar>::bytes(evaluator.header(tile)) == bytes);
  sst::TileReport in_memory;
  CHECK(sst::compute_by_tiles<Scalar>(evaluator, evaluator.header(tile).symmetry, tile, {}, &in_memory) ==
        evaluator.matrix());
  CHECK(in_memory.computed == tiles);
  CHECK(in_memory.entries == report.entries);
}

}  // namespace

TEST_CASE("a matrix through a store, in all shapes", "[io]") {
  round_trip<double>(23, 23, true, 5, 15);
  round_trip<float>(20, 20, true, 5, 10);
  round_trip<double>(23, 11, false, 5, 15);
  round_trip<float>(3, 40, false, 64, 1);
  round_trip<double>(1, 1, true, 1, 1);
}

TEST_CASE("tiles that run on several threads themselves are computed one after the other", "[io]") {
  struct Evaluator {
    mutable std::atomic<int> inside = 0;
    mutable std::atomic<bool> together = false;
    Index rows() const { return 40; }
    Index cols() const { return 40; }
    bool parallel() const { return true; }
    void evaluate(Index, Index rows, Index, Index cols, double* out, Index stride) const {
      if (++inside > 1) together = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      for (Index j = 0; j < cols; ++j) std::fill_n(out + j * stride, rows, 1.0);
      --inside;
    }
  } evaluator;
  const auto ones = sst::compute_by_tiles<double>(evaluator, sst::TileSymmetry::general, 8, {.threads = 4});
  CHECK(ones == Eigen::MatrixXd::Ones(40, 40));
  CHECK_FALSE(evaluator.together);
}

TEST_CASE("an interrupted run goes on and repeats nothing", "[io]") {
  const Tiles<double> undisturbed(30, 30, true);
  for (const int threads : {1, 2})
    for (const Index finished : {0, 1, 7, 20}) {
      const Folder folder;
      Tiles<double> first(30, 30, true);
      first.fails_after = finished;
      Index kept = 0;
      {
        sst::TileStore<double> store(folder.path / "gram", first.header(5));
        CHECK_THROWS_WITH(store.fill(first, {.threads = threads}), "the evaluator gave up");
        CHECK_THROWS_WITH(store.assemble(), Contains("has no valid tile at row"));
        CHECK_THROWS_WITH(store.write_npy(folder.path / "gram.npy"), Contains("fill the store first"));
        CHECK_FALSE(fs::exists(folder.path / "gram.npy"));
      }
      for (const auto& entry : fs::directory_iterator(folder.path / "gram"))
        kept += entry.path().extension() == ".tile";
      CHECK(kept == finished);
      const Tiles<double> second(30, 30, true);
      sst::TileStore<double> store(folder.path / "gram", second.header(5));
      const sst::TileReport report = store.fill(second, {.threads = threads});
      CHECK(report.reused == finished);
      CHECK(report.computed == 21 - finished);
      CHECK(report.damaged == 0);
      CHECK(second.calls == 21 - finished);
      CHECK(store.assemble() == undisturbed.matrix());
    }
}

TEST_CASE("progress begins with what is there, and can cancel", "[io]") {
  const Folder folder;
  const Tiles<double> evaluator(30, 30, true);
  {
    sst::TileStore<double> store(folder.path / "gram", evaluator.header(10));
    const auto two = [calls = 0](double) mutable { return ++calls < 2; };
    CHECK_THROWS_AS(store.fill(evaluator, {.threads = 1, .progress = two}), sst::Cancelled);
    CHECK(evaluator.calls == 2);
  }
  sst::TileStore<double> store(folder.path / "gram", evaluator.header(10));
  std::vector<double> seen;
  store.fill(evaluator, {.progress = [&](double done) { return seen.push_back(done), true; }});
  REQUIRE(seen.size() == 1 + 4);  // what is there already, and the four tiles that are not
  CHECK(seen.front() == Approx(155.0 / 465));
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  CHECK(seen.back() == Approx(1));
}

TEST_CASE("torn and changed tiles are computed again, never believed", "[io]") {
  const Folder folder;
  const fs::path gram = folder.path / "gram", tile = gram / "1-0.tile";
  const Tiles<double> evaluator(6, 6, true);
  sst::TileStore<double> store(gram, evaluator.header(3));
  store.fill(evaluator);
  const std::string good = content(tile);
  REQUIRE(good.size() == 48 + 9 * 8 + 8);
  const auto repairs = [&](const std::string& bad) {
    write(tile, bad);
    CHECK_THROWS_WITH(store.assemble(), Contains("no valid tile at row 3, column 0"));
    const sst::TileReport report = store.fill(evaluator);
    CHECK(report.computed == 1);
    CHECK(report.damaged == 1);
    CHECK(content(tile) == good);
  };
  for (std::size_t length = 0; length < good.size(); length += 5) repairs(good.substr(0, length));
  repairs(good + '\0');
  std::mt19937 random(1);
  for (std::size_t at = 0; at < good.size(); at += 3) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1 << random() % 8);
    repairs(bad);
  }
  repairs(content(gram / "0-0.tile"));  // another tile under this name
  repairs(std::string(good.size(), '\0'));
  {
    const Tiles<double> other(6, 6, true, 2);
    sst::TileStore<double> second(folder.path / "other", other.header(3));
    second.fill(other);
    repairs(content(folder.path / "other" / "1-0.tile"));
  }
  CHECK(store.assemble() == evaluator.matrix());
}

TEST_CASE("a store that is something else is refused and not touched", "[io][error]") {
  const Folder folder;
  const fs::path gram = folder.path / "gram";
  const Tiles<double> evaluator(6, 6, true);
  const sst::TileStoreHeader header = evaluator.header(3);
  { sst::TileStore<double>(gram, header).fill(evaluator); }
  const std::string before = content(gram / "header.txt");
  const std::string name = "the store '" + gram.string() + "' ";
  const auto refuse = [&](auto change, const std::string& text) {
    sst::TileStoreHeader other = header;
    change(other);
    CHECK_THROWS_WITH(sst::TileStore<double>(gram, other), Contains(name + text));
  };
  refuse([](auto& h) { h.data = "0000000000000000"; }, "belongs to another data set (");
  refuse([](auto& h) { h.topology = "{}"; },
         "belongs to another topology ('{\"sst_topology\": 1}', not '{}')");
  refuse([](auto& h) { h.topology = std::string(500, 'x'); }, "belongs to another topology; choose another");
  refuse([](auto& h) { h.kernel = "nngp"; }, "belongs to another kernel ('ntk', not 'nngp')");
  refuse([](auto& h) { h.arithmetic = "float"; }, "belongs to another precision ('double', not 'float')");
  refuse([](auto& h) { h.tile = 2; }, "belongs to another size of tiles ('3', not '2')");
  refuse([](auto& h) { h.rows = h.columns = 7; }, "belongs to another number of rows ('6', not '7')");
  refuse([](auto& h) { h.symmetry = sst::TileSymmetry::general; }, "belongs to another symmetry");
  CHECK_THROWS_WITH(sst::TileStore<float>(gram, header),
                    Contains("another scalar type ('float64', not 'float32')"));
  CHECK(content(gram / "header.txt") == before);
  CHECK(sst::TileStore<double>(gram, header).fill(evaluator).reused == 3);

  const Tiles<double> larger(7, 7, true);
  sst::TileStore<double> store(gram, header);
  CHECK_THROWS_WITH(store.fill(larger), Contains("of 6 x 6 entries cannot hold a matrix of 7 x 7"));
}

TEST_CASE("damaged headers and directories that are no stores", "[io][error]") {
  const Folder folder;
  const fs::path gram = folder.path / "gram";
  const sst::TileStoreHeader header = Tiles<double>(6, 6, true).header(3);
  { sst::TileStore<double> made(gram, header); }
  const std::string good = content(gram / "header.txt");
  for (std::size_t length = 0; length < good.size(); length += 7) {
    write(gram / "header.txt", good.substr(0, length));
    CHECK_THROWS_AS(sst::TileStore<double>(gram, header), sst::DataError);
  }
  write(gram / "header.txt", good + "more\n");
  CHECK_THROWS_WITH(sst::TileStore<double>(gram, header), Contains("is damaged (its header.txt goes on"));
  write(gram / "header.txt", "sst_tile_store: 2\nanything\n");
  CHECK_THROWS_WITH(sst::TileStore<double>(gram, header), Contains("another format ('2', not '1')"));
  write(gram / "header.txt", "sst_tile_store: 1\r\nanything\n");  // messages stay on one line
  CHECK_THROWS_WITH(sst::TileStore<double>(gram, header), Contains(R"(another format ('1\x0d', not '1'))"));
  fs::remove(gram / "header.txt");
  write(gram / "header.txt.part", "sst_ti");  // killed while it was made
  CHECK(sst::TileStore<double>(gram, header).tiles() == 3);
  CHECK_FALSE(fs::exists(gram / "header.txt.part"));

  fs::create_directory(folder.path / "mine");
  write(folder.path / "mine" / "thesis.tex", "...");
  CHECK_THROWS_WITH(sst::TileStore<double>(folder.path / "mine", header),
                    Contains("mine' is not a tile store (it has no header.txt, but holds 'thesis.tex')"));
  CHECK(std::distance(fs::directory_iterator(folder.path / "mine"), fs::directory_iterator()) == 1);
  write(folder.path / "file", "...");
  CHECK_THROWS_WITH(sst::TileStore<double>(folder.path / "file", header), Contains("cannot make the store"));
  CHECK_THROWS_WITH(sst::TileStore<double>(folder.path / "no" / "such", header), Contains("(No such file"));

  const auto senseless = [&](auto change, const std::string& text) {
    sst::TileStoreHeader other = header;
    change(other);
    CHECK_THROWS_WITH(sst::TileStore<double>(folder.path / "new", other), Contains(text));
    CHECK_FALSE(fs::exists(folder.path / "new"));
  };
  senseless([](auto& h) { h.rows = 0; }, "0 rows and 6 columns");
  senseless([](auto& h) { h.tile = 0; }, "tiles of 0 rows");
  senseless([](auto& h) { h.columns = 5; }, "a symmetric matrix of 6 x 5");
  senseless([](auto& h) { h.topology = "{\n}"; }, "a line break in its header");
}

TEST_CASE("a store in use is refused", "[io][error]") {
  const Folder folder;
  const fs::path gram = folder.path / "gram";
  const sst::TileStoreHeader header = Tiles<double>(6, 6, true).header(3);
  {
    const sst::TileStore<double> store(gram, header);
    CHECK_THROWS_WITH(
        sst::TileStore<double>(gram, header),
        "the store '" + gram.string() +
            "' is in use (another run holds its lock); wait for that run or choose another directory");
    const pid_t child = fork();
    if (child == 0) {
      try {
        sst::TileStore<double>(gram, header);
      } catch (const sst::DataError&) {
        _exit(17);
      }
      _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 17);
  }
  CHECK_NOTHROW(sst::TileStore<double>(gram, header));
}

TEST_CASE("killed at random moments, the result is the same to the last bit", "[io]") {
  const Folder folder;
  const fs::path gram = folder.path / "gram";
  Tiles<double> evaluator(40, 40, true);
  evaluator.seconds = 0.002;
  const sst::TileStoreHeader header = evaluator.header(4);  // 55 tiles
  std::mt19937 random(std::random_device{}());
  Index kills = 0;
  for (int round = 0; round < 20; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      try {
        sst::TileStore<double>(gram, header).fill(evaluator, {.threads = 1});
      } catch (...) {
        _exit(1);
      }
      _exit(0);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 12000));
    kill(child, SIGKILL);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status))
      ++kills;
    else
      CHECK(WEXITSTATUS(status) == 0);
  }
  CHECK(kills > 0);
  sst::TileStore<double> store(gram, header);
  const sst::TileReport report = store.fill(evaluator, {.threads = 1});
  CHECK(report.damaged == 0);
  CHECK(report.computed + report.reused == 55);
  CHECK(store.assemble() == evaluator.matrix());
  for (const auto& entry : fs::directory_iterator(gram)) CHECK(entry.path().extension() != ".part");
}

TEST_CASE("the hash FNV-1a", "[io]") {
  // Test vectors of the algorithm's authors.
  CHECK(sst::Fingerprint().text() == "cbf29ce484222325");
  CHECK(sst::Fingerprint().add("a").text() == "af63dc4c8601ec8c");
  CHECK(sst::Fingerprint().add("foo").add("bar").text() == "85944171f73967e8");
  const Eigen::MatrixXd a = Eigen::MatrixXd::Zero(2, 3), b = Eigen::MatrixXd::Zero(3, 2);
  CHECK(sst::Fingerprint().add(a).value() != sst::Fingerprint().add(b).value());
  CHECK(sst::Fingerprint().add(a).value() == sst::Fingerprint().add(Eigen::MatrixXd(0.0 * a)).value());
}

TEST_CASE("Links that others plant in a store lead nowhere", "[io][tile_store]") {
  const Folder folder;
  const Tiles<double> tiles(4, 4, true);
  const fs::path victim = folder.write("victim", "kept"), store = folder.path / "store";
  fs::create_directory(store);
  for (const char* name : {"header.txt.part", "0-0.tile.part"}) fs::create_symlink(victim, store / name);
  sst::TileStore<double>(store, tiles.header(4)).fill(tiles);
  CHECK(content(victim) == "kept");
  fs::remove(store / "lock");
  fs::create_symlink(victim, store / "lock");
  CHECK_THROWS_WITH(sst::TileStore<double>(store, tiles.header(4)), Contains("cannot open the lock"));
}

}  // namespace tile_store_tests
