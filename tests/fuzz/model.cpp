// SPDX-License-Identifier: MIT
// A saved model: one byte of settings, then model.json, topology.json, x.npy, y.npy, weights.npy and
// factor.npy. With the lowest bit of the settings the sizes and checksums in model.json are made right,
// since no fuzzer guesses them.
#include "fuzz.hpp"

#include <array>
#include <optional>

#include <nlohmann/json.hpp>

#include <sst/pipeline/saved_model.hpp>

namespace {

constexpr std::array<const char*, 5> names{"topology.json", "x.npy", "y.npy", "weights.npy", "factor.npy"};

/// model.json with the files that there are.
std::string sealed(const std::filesystem::path& folder, std::string_view text) {
  using sst::detail::Json;
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::string(text);
  Json& files = json["files"];
  if (!files.is_object()) files = Json::object();
  const sst::detail::HeldFolder held(folder);
  for (const char* name : names)
    if (const auto file = held.open(name)) {
      const auto bytes = sst::detail::skip_bytes(*file, file->at_most());
      files[name] = {{"bytes", bytes}, {"fnv1a64", file->fingerprint().text()}};
    }
  return sst::detail::sealed(std::move(json));
}

bool same(const std::optional<sst::Scaling>& a, const std::optional<sst::Scaling>& b) {
  return a.has_value() == b.has_value() &&
         (!a || (fuzz::same_bits(a->shift, b->shift) && fuzz::same_bits(a->scale, b->scale)));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fs = std::filesystem;
  const fuzz::Stopwatch stopwatch;
  const fs::path folder = fuzz::folder() / "model", copy = fuzz::folder() / "copy";
  fs::remove_all(copy);
  fs::create_directories(folder);
  fuzz::Parts parts(data, size);
  const bool seal = (parts.byte() & 1U) != 0;
  const std::string_view settings = parts.next();
  for (const char* name : names) {
    const std::string_view bytes = parts.next();
    if (bytes.empty())
      fs::remove(folder / name);
    else
      fuzz::write(folder / name, bytes);
  }
  fuzz::write(folder / "model.json", seal ? sealed(folder, settings) : std::string(settings));

  std::optional<sst::TableModel> loaded;
  if (!fuzz::succeeds([&] { loaded.emplace(sst::load_model(folder)); })) return 0;
  const sst::TableModel& model = *loaded;
  sst::save_model(copy, model, sst::StoreFactor::yes);
  const sst::TableModel again = sst::load_model(copy);
  const sst::Model &before = model.model, &after = again.model;
  const sst::NetworkKernel &from = *sst::network_of(before.kernel()), &to = *sst::network_of(after.kernel());
  fuzz::require(from.topology == to.topology && from.kernel == to.kernel && from.shape == to.shape &&
                    from.options.precision == to.options.precision && after.ridge() == before.ridge() &&
                    after.lambda() == before.lambda() && again.targets == model.targets &&
                    again.classes == model.classes &&
                    again.inverse_temperature == model.inverse_temperature &&
                    again.encoding == model.encoding,
                "settings read back as they were written");
  fuzz::require(
      same(again.input_scaling, model.input_scaling) && same(again.target_scaling, model.target_scaling),
      "scalings read back as they were written");
  fuzz::require(fuzz::same_bits(after.x().dense(), before.x().dense()) &&
                    fuzz::same_bits(after.y(), before.y()) &&
                    fuzz::same_bits(after.weights(), before.weights()),
                "matrices read back as they were written");
  if (before.known_factor())
    fuzz::require(after.known_factor() &&
                      fuzz::same_bits(after.known_factor()->storage(), before.known_factor()->storage()),
                  "the factor reads back as it was written");
  if (model.encoding) {
    sst::RawTable table{.columns = {}, .rows = {{}}, .lines = {1}, .source = "table", .format = {}};
    for (const sst::ColumnEncoding& column : model.encoding->columns) {
      table.columns.push_back(column.name);
      table.rows[0].push_back(column.kind == sst::ColumnEncoding::Kind::categories ? "u" : "1");
    }
    fuzz::succeeds([&] { model.encoding->apply(table); });
    table.columns.clear();
    fuzz::succeeds([&] { model.encoding->apply(table); });
    table.rows[0].pop_back();
    fuzz::succeeds([&] { model.encoding->apply(table); });
  }
  if (from.topology.nodes().size() > 16 || before.x().rows() * before.x().cols() > 64) return 0;
  fuzz::succeeds([&] { before.predict(before.x().middle_rows(0, 1)); });
  return 0;
}
