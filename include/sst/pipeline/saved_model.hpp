// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <sst/base/file.hpp>
#include <sst/error.hpp>
#include <sst/io/bytes.hpp>
#include <sst/io/npy.hpp>
#include <sst/io/sealed_folder.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/pipeline/encoding.hpp>
#include <sst/pipeline/scaling.hpp>
#include <sst/pipeline/table_model.hpp>
#include <sst/topology/json.hpp>
#include <sst/version.hpp>

/// \file
/// Fitted models as folders: topology.json, model.json, x.npy, y.npy, weights.npy, transform.npy where
/// features were learned, and factor.npy when the Cholesky factor is asked for. model.json (version 1) has
/// the settings, and the size and checksum of each file.

namespace sst {
inline namespace SST_ABI {

namespace saved_detail {

using detail::Json;

inline const detail::SealedKind& kind() {
  static const detail::SealedKind model{.noun = "model",
                                        .manifest = "model.json",
                                        .key = "sst_model",
                                        .version = 1,
                                        .parts = {"topology.json", "x.npy", "y.npy", "weights.npy"},
                                        .options = {"transform.npy", "factor.npy"}};
  return model;
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
inline constexpr auto missing_targets = {"as_missing", "drop"};
inline constexpr auto unknown_categories = {"error", "none"};
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
  Json targets = Json::array();
  for (const TableEncoding::Target& target : encoding->targets)
    targets.push_back({{"name", target.name}, {"index", target.index}});
  return {{"missing", name_of(t.missing, missing_values)},
          {"text", name_of(t.text, text_columns)},
          {"constant", name_of(t.constant, redundant)},
          {"duplicate", name_of(t.duplicate, redundant)},
          {"missing_target", name_of(t.missing_target, missing_targets)},
          {"unknown", name_of(t.unknown, unknown_categories)},
          {"categorical", t.categorical},
          {"targets", targets},
          {"columns", columns}};
}
inline std::optional<TableEncoding> encoding_from(const Json& json) {
  if (json.is_null()) return std::nullopt;
  TableEncoding out;
  out.treatments = {value_of<MissingValues>(json.at("missing"), missing_values),
                    value_of<TextColumns>(json.at("text"), text_columns),
                    value_of<Redundant>(json.at("constant"), redundant),
                    value_of<Redundant>(json.at("duplicate"), redundant),
                    value_of<MissingTarget>(json.value("missing_target", "as_missing"), missing_targets),
                    value_of<UnknownCategory>(json.value("unknown", "error"), unknown_categories),
                    json.value("categorical", std::vector<std::string>{})};
  if (!json.contains("targets"))  // a model of one target, from before there could be several
    out.targets = {{json.at("target").get<std::string>(), json.at("target_index").get<std::size_t>()}};
  else
    for (const Json& target : json.at("targets"))
      out.targets.push_back({target.at("name").get<std::string>(), target.at("index").get<std::size_t>()});
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
  Json json{{kind().key, kind().version},
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
  if (const Eigen::RowVectorXd& s = model.model.amplitudes(); !s.isOnes(0))
    json["amplitudes"] = std::vector<double>(s.begin(), s.end());
  if (from.shape) json["shape"] = {from.shape->height, from.shape->width, from.shape->channels};
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
  require(!model.transform || (model.transform->rows() == features && model.transform->cols() == features &&
                               model.transform->allFinite()),
          "transform");
  require(model.classes.empty() || static_cast<Eigen::Index>(model.classes.size()) == outputs, "classes");
  if (!model.encoding) return;
  const auto& columns = model.encoding->columns;
  using enum ColumnEncoding::Kind;
  const auto& targets = model.encoding->targets;
  require(!targets.empty() &&
              std::all_of(targets.begin(), targets.end(),
                          [&](const TableEncoding::Target& target) {
                            return target.index < columns.size() && columns[target.index].kind == left_out;
                          }) &&
              static_cast<Eigen::Index>(targets.size()) == (model.classes.empty() ? outputs : 1) &&
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

/// Throws DataError when no model can be saved as this folder: where it could not be made, and where there is
/// anything but an empty folder or a saved model, whole and with no other files beside it.
inline void require_model_place(const std::filesystem::path& folder) {
  detail::require_sealed_place(folder, saved_detail::kind());
}

/// Writes a model of a network's kernel as a folder. A saved model of that name is replaced when the new one
/// is complete, so that readers find one of them whole at any moment; anything else of that name is an error
/// and stays. Throws DataError (place, names that are not UTF-8) and TopologyError (an activation that files
/// cannot name).
inline void save_model(const std::filesystem::path& folder, const TableModel& model,
                       StoreFactor store = StoreFactor::no) {
  using namespace saved_detail;
  check(model);
  const Model& fitted = model.model;
  try {
    detail::write_sealed_folder(folder, kind(), settings(model), [&](const std::filesystem::path& part) {
      write_topology(part / "topology.json", network(model).topology);
      write_npy(part / "x.npy", fitted.x().dense());
      write_npy(part / "y.npy", fitted.y());
      write_npy(part / "weights.npy", fitted.weights());
      if (model.transform) write_npy(part / "transform.npy", *model.transform);
      if (const auto factor = fitted.known_factor(); factor && store == StoreFactor::yes)
        write_npy(part / "factor.npy", factor->storage());
    });
  } catch (const nlohmann::json::type_error&) {
    throw DataError("cannot write the model '" + folder.string() +
                    "' (a column or class has a name that is not UTF-8); rename it");
  }
}

/// The same of a model that no table leads to.
inline void save_model(const std::filesystem::path& folder, const Model& model,
                       StoreFactor store = StoreFactor::no) {
  save_model(folder, TableModel{.model = model}, store);
}

/// Reads a model that predicts as the one that was saved, to the last bit. Throws DataError when the folder
/// is not a model, when it was written in a later version, and when a file is missing, shorter or changed:
/// each is told before the file is used. A model that is replaced meanwhile is the old or the new one.
inline TableModel load_model(const std::filesystem::path& folder) {
  using namespace saved_detail;
  detail::SealedFolder files(folder, kind());
  const auto matrix = [&files](const char* part) {
    return files.read(part, [](ByteSource& file) { return detail::read_npy_matrix(file); });
  };
  const auto text = [&files](const char* part) {
    std::vector<unsigned char> bytes;
    files.read(part, [&](ByteSource& file) { return detail::append_bytes(file, file.at_most(), bytes); });
    return std::string(bytes.begin(), bytes.end());
  };
  const Json& json = files.manifest();
  try {
    const bool relative = json.at("ridge").at("scale") == "relative";
    const double value = json.at("ridge").at("value").get<double>();
    NetworkKernel from{topology_from_text(text("topology.json")),
                       value_of<Kernel>(json.at("kernel"), kernels),
                       std::nullopt,
                       {.precision = value_of<Precision>(json.at("precision"), precisions)}};
    if (json.contains("shape")) {
      const auto sides = json.at("shape").get<std::array<std::size_t, 3>>();
      from.shape = ImageShape{.height = sides[0], .width = sides[1], .channels = sides[2]};
    }
    Model::Parts parts{network_kernel(std::move(from)),
                       matrix("x.npy"),
                       matrix("y.npy"),
                       matrix("weights.npy"),
                       relative ? Ridge::relative(value) : Ridge::absolute(value),
                       json.at("lambda").get<double>()};
    if (json.contains("amplitudes")) {
      const auto numbers = json.at("amplitudes").get<std::vector<double>>();
      parts.amplitudes =
          Eigen::Map<const Eigen::RowVectorXd>(numbers.data(), static_cast<Eigen::Index>(numbers.size()));
    }
    if (files.has("factor.npy"))
      parts.factor =
          std::make_shared<const Cholesky<double>>(Cholesky<double>::from_factor(matrix("factor.npy")));
    TableModel model{.model = Model(std::move(parts))};
    model.input_scaling = scaling_from(json.at("input_scaling"));
    if (files.has("transform.npy")) model.transform = matrix("transform.npy");
    model.target_scaling = scaling_from(json.at("target_scaling"));
    model.encoding = encoding_from(json.at("encoding"));
    model.targets = json.at("targets").get<std::vector<std::string>>();
    model.classes = json.at("classes").get<std::vector<std::string>>();
    model.inverse_temperature = json.at("inverse_temperature").get<double>();
    check(model);
    return model;
  } catch (const nlohmann::json::exception&) {
    files.fail_damaged("a key is missing or of another type");
  }
}

}  // namespace SST_ABI
}  // namespace sst
