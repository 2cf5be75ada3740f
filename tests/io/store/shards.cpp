// SPDX-License-Identifier: MIT

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <sst/io/npy.hpp>
#include <sst/io/store/tile_store.hpp>

#include "../../catch.hpp"
#include "../../folder.hpp"
#include "../../matrices.hpp"

namespace shards_tests {

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using Eigen::Index;
using sst::Shard;

using sst_test::content;
using sst_test::Folder;

/// A kernel of which a tile takes its time.
struct Tiles {
  Eigen::MatrixXd a;
  double seconds = 0;

  explicit Tiles(Index n) : a(sst_test::normal(n, 5, 1)) {}
  Index rows() const { return a.rows(); }
  Index cols() const { return a.rows(); }
  void evaluate(Index row0, Index rows, Index col0, Index cols, double* out, Index stride) const {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    for (Index j = 0; j < cols; ++j)
      for (Index i = 0; i < rows; ++i)
        out[j * stride + i] = std::exp(-(a.row(row0 + i) - a.row(col0 + j)).norm());
  }
  sst::TileStoreHeader header(Index tile) const {
    return {.rows = rows(),
            .columns = cols(),
            .tile = tile,
            .data = sst::Fingerprint().add(a).text(),
            .topology = R"({"sst_topology": 1})",
            .kernel = "ntk",
            .arithmetic = "double"};
  }
};

/// What all files of a store hold, whatever locks are there.
std::vector<std::string> tiles_in(const fs::path& store) {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(store))
    if (entry.path().extension() == ".tile" || entry.path().extension() == ".txt")
      out.push_back(entry.path().filename().string() + content(entry.path()));
  std::sort(out.begin(), out.end());
  return out;
}

/// work() in a process of its own, which ends with status 0 unless it throws.
template <class Work>
pid_t start(Work&& work) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child != 0) return child;
  try {
    work();
  } catch (...) {
    _exit(1);
  }
  _exit(0);
}

/// How it ended: the status, or minus the signal.
int end(pid_t child) {
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/// A pipe whose readers wait until it is closed.
struct Gate {
  int ends[2]{};
  Gate() { REQUIRE(pipe(ends) == 0); }
  ~Gate() { close(ends[0]); }
  void wait() const {
    close(ends[1]);
    char byte = 0;
    while (read(ends[0], &byte, 1) < 0) {
    }
  }
  void open() const { close(ends[1]); }
};

}  // namespace

TEST_CASE("a shard by its text", "[io]") {
  CHECK(sst::parse_shard("3/16") == Shard{3, 16});
  CHECK(sst::parse_shard("1/1").alone());
  CHECK(sst::parse_shard(Shard{7, 7}.text()) == Shard{7, 7});
  for (const char* text : {"", "3", "3/", "/3", "0/3", "4/3", "-1/3", "1/0", "1/3 ", " 1/3", "1/3/5", "1.0/3",
                           "99999999999/99999999999"})
    CHECK_THROWS_WITH(sst::parse_shard(text), Contains("is no shard (its number, from 1, and how many"));
}

TEST_CASE("the tiles of shards are all tiles, each once, and equal work", "[io]") {
  const Folder folder;
  const Tiles evaluator(47);
  const sst::TileStore<double> store(folder.path / "gram", evaluator.header(4));  // 78 tiles, 12 in half
  for (const int of : {1, 2, 3, 4, 7, 12, 77, 78, 100}) {
    std::vector<int> dealt(static_cast<std::size_t>(store.tiles()));
    double least = 1e9, most = 0;
    for (int number = 1; number <= of; ++number) {
      double entries = 0;
      for (const Index k : store.tiles_of({number, of})) {
        ++dealt[static_cast<std::size_t>(k)];
        entries += store.place(k).entries;
      }
      least = std::min(least, entries);
      most = std::max(most, entries);
    }
    CHECK(std::all_of(dealt.begin(), dealt.end(), [](int times) { return times == 1; }));
    CHECK(most - least <= 16);
  }
}

TEST_CASE("shards in threads and in processes give the bits of a run alone", "[io]") {
  const Folder folder;
  Tiles evaluator(33);
  const sst::TileStoreHeader header = evaluator.header(4);  // 45 tiles
  const auto fill = [&](const fs::path& path, const Shard& shard) {
    return sst::TileStore<double>(path, header, shard).fill(evaluator, {.threads = 1});
  };
  fill(folder.path / "alone", {});
  const auto expected = tiles_in(folder.path / "alone");
  REQUIRE(expected.size() == 46);
  evaluator.seconds = 0.001;  // so that they are there at the same time
  for (int of = 1; of <= 4; ++of) {
    const fs::path threads = folder.path / ("threads" + std::to_string(of));
    const fs::path processes = folder.path / ("processes" + std::to_string(of));
    std::vector<sst::TileReport> reports(static_cast<std::size_t>(of));
    std::vector<std::thread> team;
    for (int i = 0; i < of; ++i)
      team.emplace_back([&, i] { reports[static_cast<std::size_t>(i)] = fill(threads, {i + 1, of}); });
    for (std::thread& thread : team) thread.join();
    Index computed = 0;
    for (const sst::TileReport& report : reports) {
      computed += report.computed;
      CHECK(report.reused == 0);
      CHECK(report.computed >= 45 / of);
      CHECK(report.computed <= 45 / of + 1);
    }
    CHECK(computed == 45);  // and nothing twice
    CHECK(tiles_in(threads) == expected);

    std::vector<pid_t> children;
    for (int i = 0; i < of; ++i) children.push_back(start([&] { fill(processes, {i + 1, of}); }));
    for (const pid_t child : children) CHECK(end(child) == 0);
    CHECK(tiles_in(processes) == expected);

    const sst::TileReport after = fill(processes, {});
    CHECK(after.reused == 45);
    CHECK(after.computed == 0);
    CHECK(fill(processes, {1, of}).reused == fill(threads, {1, of}).reused);
  }
}

TEST_CASE("many processes that make the same store at once make one header", "[io]") {
  const Tiles evaluator(8);
  const sst::TileStoreHeader header = evaluator.header(1);  // 36 tiles
  for (int round = 0; round < 5; ++round) {
    const Folder folder;
    const fs::path gram = folder.path / "gram";
    const Gate gate;
    std::vector<pid_t> children;
    for (int i = 1; i <= 16; ++i)
      children.push_back(start([&] {
        gate.wait();
        sst::TileStore<double>(gram, header, {i, 16}).fill(evaluator, {.threads = 1});
      }));
    gate.open();
    for (const pid_t child : children) CHECK(end(child) == 0);
    CHECK(content(gram / "header.txt") ==
          sst::store_detail::to_text(sst::store_detail::fields(header, "float64")));
    CHECK(sst::TileStore<double>(gram, header).fill(evaluator).reused == 36);
    for (const auto& entry : fs::directory_iterator(gram)) CHECK(entry.path().extension() != ".part");
  }
  // Of different stores in one folder one is made, and the others are told.
  for (int round = 0; round < 5; ++round) {
    const Folder folder;
    const Gate gate;
    std::vector<pid_t> children;
    for (int i = 1; i <= 8; ++i)
      children.push_back(start([&] {
        gate.wait();
        sst::TileStoreHeader own = header;
        own.topology = std::to_string(i);
        sst::TileStore<double>(folder.path / "gram", own, {i, 8});
      }));
    gate.open();
    int made = 0;
    for (const pid_t child : children) made += end(child) == 0;
    CHECK(made == 1);
  }
}

TEST_CASE("a header is made once, where nobody sees the locks of others too", "[io]") {
  const Folder folder;
  for (int round = 0; round < 5; ++round) {
    const fs::path file = folder.path / std::to_string(round);
    const Gate gate;
    std::vector<pid_t> children;
    for (int i = 0; i < 8; ++i)
      children.push_back(start([&] {
        gate.wait();
        const std::string own(1, static_cast<char>('a' + i));
        sst::store_detail::write_durably(file, own, sst::store_detail::Existing::keep);
        const std::string first = content(file);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        if (content(file) != first) throw sst::Error("it was replaced");
      }));
    gate.open();
    for (const pid_t child : children) CHECK(end(child) == 0);
    CHECK(content(file).size() == 1);
  }
  CHECK(folder.entries() == 5);
}

TEST_CASE("who may fill a store at the same time", "[io][error]") {
  const Folder folder;
  const fs::path gram = folder.path / "gram";
  const std::string name = "the store '" + gram.string() + "'";
  const Tiles evaluator(12);
  const sst::TileStoreHeader header = evaluator.header(3);
  const auto open = [&](const Shard& shard) { return sst::TileStore<double>(gram, header, shard); };
  {
    auto second = open({2, 4});
    CHECK_THROWS_WITH(open({2, 4}),
                      "shard 2/4 of " + name + " runs already; start another shard, or wait for its end");
    CHECK_THROWS_WITH(open({}), Contains(name + " is in use (it is being filled by shards of 4)"));
    CHECK_THROWS_WITH(open({1, 8}), Contains(name + " is in use (it is being filled by shards of 4)"));
    auto third = open({3, 4});
    CHECK(end(start([&] { open({2, 4}); })) == 1);
    CHECK(end(start([&] { open({3, 4}); })) == 1);
    CHECK(end(start([&] { open({4, 4}); })) == 0);
    CHECK(end(start([&] { open({}); })) == 1);
    CHECK(second.fill(evaluator).computed + third.fill(evaluator).computed == 5);
  }
  {
    auto other = open({1, 8});  // now that the shards of 4 have gone
    CHECK_THROWS_WITH(open({1, 4}), Contains("shards of 8"));
  }
  {
    auto alone = open({});
    CHECK_THROWS_WITH(open({1, 4}), Contains("is in use (another run holds its lock)"));
    CHECK_THROWS_WITH(open({}), Contains("is in use (another run holds its lock)"));
    const sst::StoredMatrix<double> reader(gram);  // which nobody keeps out
    CHECK_THROWS_WITH(reader.assemble(), Contains("no valid tile"));
    CHECK(alone.fill(evaluator).reused == 5);
    CHECK(reader.assemble() == alone.assemble());
  }
  CHECK_THROWS_WITH(open({5, 4}), Contains("there is no shard 5/4"));
  CHECK_THROWS_WITH(open({0, 4}), Contains("there is no shard 0/4"));
}

TEST_CASE("what a killed run leaves goes when nobody else can be writing", "[io]") {
  const Folder folder;
  const fs::path gram = folder.path / "gram";
  const Tiles evaluator(12);
  { sst::TileStore<double> store(gram, evaluator.header(3), {1, 2}); }
  folder.write("gram/.sst-0123.part", "half a tile");
  {
    sst::TileStore<double> first(gram, evaluator.header(3), {1, 2});
    sst::TileStore<double> second(gram, evaluator.header(3), {2, 2});
    CHECK_THROWS_AS(sst::TileStore<double>(gram, evaluator.header(3)), sst::DataError);
    CHECK(fs::exists(gram / ".sst-0123.part"));
    CHECK(fs::exists(gram / "shard-2.lock"));
  }
  const sst::TileStore<double> alone(gram, evaluator.header(3));
  CHECK_FALSE(fs::exists(gram / ".sst-0123.part"));
  CHECK_FALSE(fs::exists(gram / "shard-2.lock"));
}

TEST_CASE("four shards killed at random moments, twenty times: the same to the last bit", "[io]") {
  const Folder folder;
  const fs::path gram = folder.path / "gram";
  Tiles evaluator(64);
  const sst::TileStoreHeader header = evaluator.header(4);  // 136 tiles
  sst::TileStore<double>(folder.path / "alone", header).fill(evaluator, {.threads = 1});
  const auto expected = tiles_in(folder.path / "alone");
  evaluator.seconds = 0.002;
  std::mt19937 random(std::random_device{}());
  std::vector<pid_t> children(4, 0);
  std::vector<std::string> before;
  const auto launch = [&](std::size_t i) {
    children[i] = start([&] {
      sst::TileStore<double>(gram, header, {static_cast<int>(i) + 1, 4}).fill(evaluator, {.threads = 1});
    });
  };
  for (std::size_t i = 0; i < 4; ++i) launch(i);
  int kills = 0;
  for (int attempt = 0; kills < 20 && attempt < 1000; ++attempt) {
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 8000));
    const std::size_t i = random() % 4;
    kill(children[i], SIGKILL);
    const int status = end(children[i]);
    CHECK((status == -SIGKILL || status == 0));
    if (status == -SIGKILL) ++kills;
    // Whatever was finished stays as it is.
    if (fs::exists(gram)) {
      const auto now = tiles_in(gram);
      CHECK(std::includes(now.begin(), now.end(), before.begin(), before.end()));
      before = now;
      if (now.size() == expected.size()) {  // too fast for twenty: begin again
        for (const pid_t child : children)
          if (child != children[i]) kill(child, SIGKILL), end(child);
        fs::remove_all(gram);
        before.clear();
        for (std::size_t k = 0; k < 4; ++k) launch(k);
        continue;
      }
    }
    launch(i);
  }
  CHECK(kills == 20);
  for (const pid_t child : children) CHECK(end(child) == 0);
  CHECK(tiles_in(gram) == expected);
  sst::TileStore<double> store(gram, header);
  const sst::TileReport report = store.fill(evaluator, {.threads = 1});
  CHECK(report.reused == 136);
  CHECK(report.damaged == 0);
  for (const auto& entry : fs::directory_iterator(gram)) CHECK(entry.path().extension() != ".part");
}

}  // namespace shards_tests
