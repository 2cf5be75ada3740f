// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <sst/base/file.hpp>
#include <sst/error.hpp>
#include <sst/io/npy.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/pipeline/encoding.hpp>
#include <sst/pipeline/scaling.hpp>
#include <sst/pipeline/table_model.hpp>
#include <sst/topology/json.hpp>
#include <sst/version.hpp>

/// \file
/// Fitted models as folders: topology.json, model.json, x.npy, y.npy, weights.npy, and factor.npy when the
/// Cholesky factor is asked for. model.json (version 1) has the settings, and the size and checksum of each
/// file.

namespace sst {
inline namespace SST_ABI {

namespace saved_detail {

using Json = nlohmann::ordered_json;

inline constexpr int version = 1;
inline constexpr const char* mark = "model.json";  // what makes a folder a model
inline constexpr std::array<std::string_view, 5> parts{"topology.json", "x.npy", "y.npy", "weights.npy",
                                                       "factor.npy"};  // all but the last are always there

/// FNV-1a, 64 bits (Fowler, Noll, Vo): it finds damage, not forgery.
class Checksum {
 public:
  void add(std::string_view bytes) {
    for (const char byte : bytes) {
      state_ ^= static_cast<unsigned char>(byte);
      state_ *= 0x100000001b3U;
    }
  }
  std::string text() const {
    std::string out;
    for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[(state_ >> shift) & 15U];
    return out;
  }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325U;
};

inline std::string checksum_of_text(std::string_view text) {
  Checksum sum;
  sum.add(text);
  return sum.text();
}

inline Json description(const std::filesystem::path& file) {
  std::ifstream in = detail::open_for_reading(file);
  std::array<char, 1U << 16U> buffer;
  Checksum sum;
  std::uintmax_t bytes = 0;
  while (in.read(buffer.data(), buffer.size()) || in.gcount() > 0) {
    sum.add({buffer.data(), static_cast<std::size_t>(in.gcount())});
    bytes += static_cast<std::uintmax_t>(in.gcount());
  }
  return {{"bytes", bytes}, {"fnv1a64", sum.text()}};
}

inline std::vector<double> list(const Eigen::RowVectorXd& row) { return {row.begin(), row.end()}; }
inline Eigen::RowVectorXd row(const Json& values) {
  const auto list = values.get<std::vector<double>>();
  return Eigen::Map<const Eigen::RowVectorXd>(list.data(), static_cast<Eigen::Index>(list.size()));
}

inline Json to_json(const std::optional<Scaling>& scaling) {
  if (!scaling) return nullptr;
  return {{"shift", list(scaling->shift)}, {"scale", list(scaling->scale)}};
}
inline std::optional<Scaling> scaling_from(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return Scaling{row(json.at("shift")), row(json.at("scale"))};
}

/// An enumeration by its names in files, in the order of its values.
template <class Enum>
Json name_of(Enum value, std::initializer_list<const char*> names) {
  return *(names.begin() + static_cast<std::ptrdiff_t>(value));
}
template <class Enum>
Enum value_of(const Json& json, std::initializer_list<const char*> names) {
  const auto name = json.get<std::string>();
  for (auto it = names.begin(); it != names.end(); ++it)
    if (name == *it) return static_cast<Enum>(it - names.begin());
  throw DataError("the word " + detail::quote(name) + " is unknown");
}
inline constexpr auto kernels = {"nngp", "ntk"};
inline constexpr auto precisions = {"double", "float"};
inline constexpr auto missing_values = {"error", "drop", "mean"};
inline constexpr auto text_columns = {"error", "onehot"};
inline constexpr auto redundant = {"error", "drop"};
inline constexpr auto column_kinds = {"number", "categories", "left_out"};
inline constexpr auto ridge_scales = {"relative", "absolute"};

inline Json to_json(const std::optional<TableEncoding>& encoding) {
  if (!encoding) return nullptr;
  const Treatments& t = encoding->treatments;
  Json columns = Json::array();
  for (const ColumnEncoding& column : encoding->columns)
    columns.push_back({{"name", column.name},
                       {"kind", name_of(column.kind, column_kinds)},
                       {"categories", column.categories},
                       {"means", column.means},
                       {"why", column.why}});
  return {{"missing", name_of(t.missing, missing_values)},
          {"text", name_of(t.text, text_columns)},
          {"constant", name_of(t.constant, redundant)},
          {"duplicate", name_of(t.duplicate, redundant)},
          {"target", encoding->target},
          {"target_index", encoding->target_index},
          {"columns", columns}};
}
inline std::optional<TableEncoding> encoding_from(const Json& json) {
  if (json.is_null()) return std::nullopt;
  TableEncoding out;
  out.treatments = {value_of<MissingValues>(json.at("missing"), missing_values),
                    value_of<TextColumns>(json.at("text"), text_columns),
                    value_of<Redundant>(json.at("constant"), redundant),
                    value_of<Redundant>(json.at("duplicate"), redundant)};
  out.target = json.at("target").get<std::string>();
  out.target_index = json.at("target_index").get<std::size_t>();
  for (const Json& column : json.at("columns"))
    out.columns.push_back({column.at("name").get<std::string>(),
                           value_of<ColumnEncoding::Kind>(column.at("kind"), column_kinds),
                           column.at("categories").get<std::vector<std::string>>(),
                           column.at("means").get<std::vector<double>>(),
                           column.at("why").get<std::string>()});
  return out;
}

/// The network whose kernel a model has. Throws DataError for another kernel, and for samples that are
/// sparse.
inline const NetworkKernel& network(const TableModel& model) {
  const KernelFunction& kernel = model.model.kernel();
  const auto found = network_of(kernel);
  if (!found)
    throw DataError(
        "the kernel '" + kernel.description() +
        "' cannot be saved (files hold the kernels of networks); save what it is made of yourself");
  if (model.model.x().sparse())
    throw DataError(
        "the training samples are sparse and cannot be saved (files hold dense rows); fit dense ones");
  return *found;
}

inline Json settings(const TableModel& model) {
  const NetworkKernel& from = network(model);
  const Ridge& ridge = model.model.ridge();
  Json json{{"sst_model", version},
            {"kernel", name_of(from.kernel, kernels)},
            {"precision", name_of(from.options.precision, precisions)},
            {"ridge", {{"scale", name_of(ridge.scale(), ridge_scales)}, {"value", ridge.value()}}},
            {"lambda", model.model.lambda()},
            {"targets", model.targets},
            {"classes", model.classes},
            {"inverse_temperature", model.inverse_temperature},
            {"input_scaling", to_json(model.input_scaling)},
            {"target_scaling", to_json(model.target_scaling)},
            {"encoding", to_json(model.encoding)}};
  if (from.shape) json["shape"] = {from.shape->height, from.shape->width, from.shape->channels};
  return json;
}

[[noreturn]] inline void fail_to_load(const std::filesystem::path& folder, const std::string& why,
                                      const std::string& remedy = "save it again") {
  throw DataError("cannot load the model '" + folder.string() + "' (" + why + "); " + remedy);
}

/// Where model.json has its own checksum, of 16 digits, which is that of the text with zeros in their place.
inline std::size_t place_of_checksum(const std::string& text) {
  constexpr std::string_view key = "\"checksum\": \"";  // no text can hold it: quotes in texts are escaped
  const std::size_t at = text.rfind(key);
  return at == std::string::npos || text.size() < at + key.size() + 16 ? std::string::npos : at + key.size();
}
inline std::string checksum_of_settings(std::string text, std::size_t at) {
  return checksum_of_text(text.replace(at, 16, 16, '0'));
}

/// model.json, after its checksum.
inline Json read_settings(const std::filesystem::path& folder) {
  std::ifstream in = detail::open_for_reading(folder / mark);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto shallow = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > 16) fail_to_load(folder, "model.json is damaged: it is nested too deeply");
    return true;
  };
  Json json = Json::parse(text, shallow, false);
  if (!json.is_object() || !json.contains("sst_model")) fail_to_load(folder, "model.json is damaged");
  if (const Json& found = json["sst_model"]; !found.is_number_integer() || found != version)
    fail_to_load(folder,
                 "model.json is of version " + found.dump(-1, ' ', true, Json::error_handler_t::replace) +
                     " and this library reads version " + std::to_string(version),
                 "use a later library");
  if (const auto at = place_of_checksum(text);
      at == std::string::npos || text.substr(at, 16) != checksum_of_settings(text, at))
    fail_to_load(folder, "model.json is damaged: its checksum is wrong");
  return json;
}

/// Throws DataError unless all parts fit together.
inline void check(const TableModel& model) {
  const auto require = [](bool holds, const char* what) {
    if (!holds) throw DataError(std::string(what) + " does not fit the other parts");
  };
  const Eigen::Index outputs = model.model.outputs(), features = model.model.x().cols();
  require(std::isfinite(model.model.lambda()) && model.model.lambda() >= 0, "lambda");
  require(std::isfinite(model.inverse_temperature) && model.inverse_temperature >= 0, "inverse_temperature");
  const auto fits = [](const std::optional<Scaling>& scaling, Eigen::Index columns) {
    return !scaling || (scaling->shift.size() == columns && scaling->scale.size() == columns &&
                        (scaling->scale.array() > 0).all());
  };
  require(fits(model.input_scaling, features), "input_scaling");
  require(fits(model.target_scaling, outputs), "target_scaling");
  require(model.classes.empty() || static_cast<Eigen::Index>(model.classes.size()) == outputs, "classes");
  if (!model.encoding) return;
  const auto& columns = model.encoding->columns;
  using enum ColumnEncoding::Kind;
  require(model.encoding->target_index < columns.size() &&
              columns[model.encoding->target_index].kind == left_out &&
              static_cast<Eigen::Index>(model.encoding->features().size()) == features,
          "encoding");
  for (const ColumnEncoding& column : columns) {
    require(column.means.size() == column.width() && (column.kind == categories) != column.categories.empty(),
            "encoding");
    // Found by bisection when the encoding is applied.
    require(std::adjacent_find(column.categories.begin(), column.categories.end(), std::greater_equal<>()) ==
                column.categories.end(),
            "encoding");
  }
}

}  // namespace saved_detail

/// Whether the n x n Cholesky factor is saved too, if the model has it: n^2 doubles, for standard deviations
/// and new rows without n^3/3 steps first (`yes` or `no`).
enum class StoreFactor { no, yes };

/// Writes a model of a network's kernel as a folder. A saved model of that name is replaced when the new one
/// is complete; anything else of that name is an error and stays. Throws DataError (place, names that are not
/// UTF-8) and TopologyError (an activation that files cannot name).
inline void save_model(const std::filesystem::path& folder, const TableModel& model,
                       StoreFactor store = StoreFactor::no) {
  using namespace saved_detail;
  check(model);
  const Model& fitted = model.model;
  detail::write_folder(folder, mark, [&](const std::filesystem::path& part) {
    write_topology(part / "topology.json", network(model).topology);
    write_npy(part / "x.npy", fitted.x().dense());
    write_npy(part / "y.npy", fitted.y());
    write_npy(part / "weights.npy", fitted.weights());
    if (const auto factor = fitted.known_factor(); factor && store == StoreFactor::yes)
      write_npy(part / "factor.npy", factor->storage());
    Json json = settings(model);
    for (const std::string_view name : parts)
      if (std::filesystem::exists(part / name)) json["files"][std::string(name)] = description(part / name);
    try {
      json["checksum"] = std::string(16, '0');
      std::string text = json.dump(1) + '\n';
      const std::size_t at = place_of_checksum(text);
      text.replace(at, 16, checksum_of_settings(text, at));
      detail::write_file(part / mark, [&](std::ostream& out) { out << text; });
    } catch (const nlohmann::json::type_error&) {
      throw DataError("cannot write the model '" + folder.string() +
                      "' (a column or class has a name that is not UTF-8); rename it");
    }
  });
}

/// The same of a model that no table leads to.
inline void save_model(const std::filesystem::path& folder, const Model& model,
                       StoreFactor store = StoreFactor::no) {
  save_model(folder, TableModel{.model = model}, store);
}

/// Reads a model that predicts as the one that was saved, to the last bit. Throws DataError when the folder
/// is not a model, when it was written in a later version, and when a file is missing, shorter or changed:
/// each is told before the file is used.
inline TableModel load_model(const std::filesystem::path& folder) {
  using namespace saved_detail;
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored))
    fail_to_load(folder, "it is not a folder", "name one that save_model wrote");
  if (!fs::exists(folder / mark, ignored))
    fail_to_load(folder, "it has no model.json", "name a folder that save_model wrote");
  const Json json = read_settings(folder);
  try {
    for (const std::string_view name : parts)
      if (name != parts.back() && !json.at("files").contains(std::string(name)))
        fail_to_load(folder, "model.json is damaged: it does not list " + std::string(name));
    for (const auto& [name, expected] : json.at("files").items()) {
      // A path may lead out of the folder, to a device that never ends, say.
      if (std::find(parts.begin(), parts.end(), name) == parts.end())
        fail_to_load(folder, "model.json is damaged: it lists " + detail::quote(name));
      if (!fs::exists(folder / name, ignored)) fail_to_load(folder, name + " is missing");
      const Json found = description(folder / name);
      if (found.at("bytes") != expected.at("bytes"))
        fail_to_load(folder, name + " has " + found.at("bytes").dump() + " bytes instead of " +
                                 expected.at("bytes").dump());
      if (found != expected) fail_to_load(folder, name + " is damaged: its checksum is wrong");
    }
    const bool relative = json.at("ridge").at("scale") == "relative";
    const double value = json.at("ridge").at("value").get<double>();
    NetworkKernel from{read_topology(folder / "topology.json"),
                       value_of<Kernel>(json.at("kernel"), kernels),
                       std::nullopt,
                       {.precision = value_of<Precision>(json.at("precision"), precisions)}};
    if (json.contains("shape")) {
      const auto sides = json.at("shape").get<std::array<std::size_t, 3>>();
      from.shape = ImageShape{.height = sides[0], .width = sides[1], .channels = sides[2]};
    }
    Model::Parts parts{network_kernel(std::move(from)),
                       read_npy_matrix(folder / "x.npy"),
                       read_npy_matrix(folder / "y.npy"),
                       read_npy_matrix(folder / "weights.npy"),
                       relative ? Ridge::relative(value) : Ridge::absolute(value),
                       json.at("lambda").get<double>()};
    if (json.at("files").contains("factor.npy"))
      parts.factor = std::make_shared<const Cholesky<double>>(
          Cholesky<double>::from_factor(read_npy_matrix(folder / "factor.npy")));
    TableModel model{.model = Model(std::move(parts))};
    model.input_scaling = scaling_from(json.at("input_scaling"));
    model.target_scaling = scaling_from(json.at("target_scaling"));
    model.encoding = encoding_from(json.at("encoding"));
    model.targets = json.at("targets").get<std::vector<std::string>>();
    model.classes = json.at("classes").get<std::vector<std::string>>();
    model.inverse_temperature = json.at("inverse_temperature").get<double>();
    check(model);
    return model;
  } catch (const nlohmann::json::exception&) {
    fail_to_load(folder, "model.json is damaged: a key is missing or of another type");
  }
}

}  // namespace SST_ABI
}  // namespace sst
