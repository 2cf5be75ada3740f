// SPDX-License-Identifier: MIT
#include <sst/io/sealed_folder.hpp>

#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "../catch.hpp"
#include "../folder.hpp"

namespace sealed_folder_tests {

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using sst_test::Folder;

const sst::detail::SealedKind kind{"pair", "pair.json", "test_pair", 1, {"a", "b"}, {"c"}};

/// Both parts have the same text.
void save(const fs::path& folder, const std::string& text) {
  sst::detail::write_sealed_folder(folder, kind, {{kind.key, 1}}, [&](const fs::path& part) {
    for (const char* name : {"a", "b"})
      sst::detail::write_file(part / name, [&](std::ostream& out) { out << text; });
  });
}

std::string load(sst::detail::SealedFolder& folder, const char* part) {
  std::vector<unsigned char> bytes;
  folder.read(part, [&](sst::ByteSource& in) { return sst::detail::append_bytes(in, in.at_most(), bytes); });
  return {bytes.begin(), bytes.end()};
}

}  // namespace

TEST_CASE("Readers find the old folder or the new one while a writer replaces it", "[io][sealed_folder]") {
  const Folder folder;
  const fs::path place = folder.path / "m";
  const std::array<std::string, 2> texts{std::string(5000, 'x'), std::string(5000, 'y')};
  const char* const wanted = std::getenv("SST_LOADS");  // a longer run, by hand
  const int loads = wanted ? std::atoi(wanted) : 1000;
  constexpr int enough_saves = 10;  // of which half are fresh, however slow the disk is
  std::atomic<int> begun = 0, saves = 0, old = 0, fresh = 0, wrong = 0;
  const auto go_on = [&] { return begun < loads || saves < enough_saves; };
  save(place, texts[0]);
  const auto read = [&] {
    while (go_on()) try {
        ++begun;
        sst::detail::SealedFolder held(place, kind);
        const std::string a = load(held, "a"), b = load(held, "b");
        ++(a == b && a == texts[0] ? old : a == b && a == texts[1] ? fresh : wrong);
      } catch (const sst::Error&) {
        ++wrong;
      }
  };
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) readers.emplace_back(read);
  for (std::size_t round = 1; go_on(); ++round) {
    save(place, texts[round % 2]);
    ++saves;
  }
  for (auto& reader : readers) reader.join();
  CHECK(wrong == 0);
  CHECK(old + fresh == begun);
  CHECK(old > 0);
  CHECK(fresh > 0);
  CHECK(folder.entries() == 1);
}

TEST_CASE("A reader that complains of a damaged part is told of the damage", "[io][sealed_folder]") {
  const Folder folder;
  save(folder.path / "m", "text");
  folder.write("m/a", "tent");
  sst::detail::SealedFolder held(folder.path / "m", kind);
  const auto complain = [](sst::ByteSource&) -> int { throw sst::DataError("no sense in it"); };
  CHECK_THROWS_WITH(held.read("a", complain), Contains("a is damaged: its checksum is wrong"));
  CHECK_THROWS_WITH(held.read("b", complain), "no sense in it");
}

}  // namespace sealed_folder_tests
