// SPDX-License-Identifier: MIT
#include <sst/pipeline/saved_model.hpp>

#include <Eigen/Dense>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sst/base/every.hpp>
#include <sst/kernel/gram.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/kernel/own_kernel.hpp>
#include <sst/regression/model.hpp>
#include <sst/topology/families.hpp>
#include <sst/topology/node.hpp>

#include "../catch.hpp"
#include "../error_message.hpp"
#include "../folder.hpp"
#include "../matrices.hpp"

namespace saved_model_tests {

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;

using sst_test::Folder;
using sst_test::normal;
using sst_test::same_bits;
using sst_test::Wide;

const sst::Topology& network() {
  static const sst::Topology net = sst::sparse_shortcut(4, {1.4, 0.1});
  return net;
}

sst::TableModel fitted(sst::Kernel kernel, const Eigen::MatrixXd& x, const Eigen::MatrixXd& y,
                       sst::Ridge ridge, sst::Precision precision = sst::Precision::in_double) {
  return {.model = sst::fit(sst::network_kernel({network(), kernel, std::nullopt, {.precision = precision}}),
                            x, y, ridge)};
}

/// Two outputs, scaled in and out.
sst::TableModel machine(sst::Kernel kernel = sst::Kernel::ntk, Eigen::Index rows = 30,
                        sst::Precision precision = sst::Precision::in_double) {
  const Eigen::MatrixXd x = 5 * normal(rows, 3, 1).array() + 2, y = 100 * normal(rows, 2, 2).array() - 40;
  const auto in = sst::Scaling::standard(x), out = sst::Scaling::standard(y);
  auto model = fitted(kernel, in.apply(x), out.apply(y), sst::Ridge::relative(0.02), precision);
  model.input_scaling = in;
  model.target_scaling = out;
  model.targets = {"left", "ri\"ght"};
  return model;
}

void flip(const fs::path& file, std::streamoff at) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(at);
  const char byte = static_cast<char>(stream.get());
  stream.seekp(at);
  stream.put(static_cast<char>(byte ^ 1));
}

/// All files of a folder, with their bytes.
std::map<std::string, std::string> everything(const fs::path& folder) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::directory_iterator(folder))
    out[entry.path().string()] = sst_test::content(entry);
  return out;
}

std::string load_error(const fs::path& folder) {
  return sst_test::error_message<sst::Error>([&] { sst::load_model(folder); });
}

}  // namespace

TEST_CASE("A loaded model predicts bit for bit the same", "[pipeline][saved_model]") {
  const Folder folder;
  const Eigen::MatrixXd at = 5 * normal(1030, 3, 3);
  for (const auto kernel : {sst::Kernel::nngp, sst::Kernel::ntk})
    for (const auto precision : {sst::Precision::in_double, sst::Precision::in_float})
      for (const bool keep : {false, true}) {
        const auto model = machine(kernel, 30, precision);
        sst::save_model(folder.path / "m", model, keep ? sst::StoreFactor::yes : sst::StoreFactor::no);
        const auto loaded = sst::load_model(folder.path / "m");
        CHECK(same_bits(loaded.predict(at), model.predict(at)));
        const auto a = model.predict_with_std(at.topRows(9)), b = loaded.predict_with_std(at.topRows(9));
        CHECK(same_bits(a.mean, b.mean));
        CHECK(same_bits(a.std, b.std));
        CHECK(same_bits(a.mean, model.predict(at.topRows(9))));
        CHECK(loaded.model.ridge() == model.model.ridge());
        CHECK(loaded.targets == model.targets);
        CHECK(sst::network_of(loaded.model.kernel())->topology == network());
        CHECK(fs::exists(folder.path / "m" / "factor.npy") == keep);
        CHECK(folder.entries() == 1);  // no temporary folder stays
      }
}

TEST_CASE("A table's model predicts what its model predicts", "[pipeline][saved_model]") {
  const Eigen::MatrixXd x = normal(25, 3, 4), y = normal(25, 1, 5), at = normal(7, 3, 6);
  const auto model = fitted(sst::Kernel::ntk, x, y, sst::Ridge::absolute(0.1));
  const auto direct = sst::fit(sst::ntk(network()), x, y, sst::Ridge::absolute(0.1));
  CHECK((model.predict(at) - direct.predict(at)).norm() <= 1e-13 * direct.predict(at).norm());
}

TEST_CASE("Learned features are applied to whatever comes, and saved", "[pipeline][saved_model]") {
  const Folder folder;
  const Eigen::MatrixXd x = 5 * normal(30, 3, 1).array() + 2, y = normal(30, 1, 2), at = 5 * normal(7, 3, 3);
  const auto in = sst::Scaling::standard(x);
  const Eigen::MatrixXd root = normal(3, 3, 4), transform = root * root.transpose();
  auto model = fitted(sst::Kernel::nngp, in.apply(x) * transform, y, sst::Ridge::relative(0.02));
  model.input_scaling = in;
  model.transform = transform;
  CHECK(model.predict(at).isApprox(model.model.predict(in.apply(at) * transform), 1e-12));

  const Eigen::MatrixXd gradients = model.input_gradients(at);
  constexpr double step = 1e-4;
  for (Eigen::Index j = 0; j < 3; ++j) {
    Eigen::MatrixXd up = at, down = at;
    up.col(j).array() += step;
    down.col(j).array() -= step;
    const Eigen::MatrixXd expected = (model.predict(up) - model.predict(down)) / (2 * step);
    CHECK((gradients.col(j) - expected).norm() < 1e-6 * gradients.norm());
  }

  sst::save_model(folder.path / "m", model);
  const auto loaded = sst::load_model(folder.path / "m");
  CHECK(same_bits(*loaded.transform, transform));
  CHECK(same_bits(loaded.predict(at), model.predict(at)));
  model.transform.reset();
  sst::save_model(folder.path / "m", model);  // no transform of the model before stays
  CHECK_FALSE(sst::load_model(folder.path / "m").transform);
  model.transform = transform.topRows(2);
  CHECK_THROWS_WITH(sst::save_model(folder.path / "n", model), Contains("transform does not fit"));
}

TEST_CASE("Standard deviations against dense algebra in long double", "[pipeline][saved_model]") {
  const Eigen::MatrixXd x = normal(25, 3, 7), y = normal(25, 1, 8), at = normal(6, 3, 9);
  Eigen::MatrixXd all(31, 3);
  all << x, at;
  const auto k = sst::gram(network(), all);
  const Wide nngp = k.nngp.cast<long double>(), ntk = k.ntk.cast<long double>();
  const auto identity = Wide::Identity(25, 25);
  for (const auto kernel : {sst::Kernel::nngp, sst::Kernel::ntk}) {
    const auto model = fitted(kernel, x, y, sst::Ridge::absolute(0.05));
    const Wide& which = kernel == sst::Kernel::nngp ? nngp : ntk;
    const Wide inverse = (which.topLeftCorner(25, 25) + 0.05 * identity).inverse();
    const Wide w = which.bottomLeftCorner(6, 25) * inverse;
    const Wide k_dt = nngp.topRightCorner(25, 6), k_dd = nngp.topLeftCorner(25, 25);
    const Wide k_tt = nngp.bottomRightCorner(6, 6);
    const Wide covariance = kernel == sst::Kernel::nngp
                                ? Wide(k_tt - w * k_dt)
                                : Wide(k_tt + w * k_dd * w.transpose() - w * k_dt - (w * k_dt).transpose());
    const auto found = model.predict_with_std(at);
    for (Eigen::Index i = 0; i < 6; ++i) {
      CHECK(found.std(i, 0) == Approx(static_cast<double>(std::sqrt(covariance(i, i)))).epsilon(1e-11));
      CHECK(found.mean(i, 0) ==
            Approx(static_cast<double>((w * y.cast<long double>())(i, 0))).epsilon(1e-11));
    }
  }
}

TEST_CASE("Variances at training points: rounding is 0, another model's factor is an error",
          "[pipeline][saved_model]") {
  for (const auto kernel : {sst::Kernel::nngp, sst::Kernel::ntk})
    for (const auto precision : {sst::Precision::in_double, sst::Precision::in_float}) {
      const Eigen::MatrixXd x = normal(40, 3, 5), y = normal(40, 1, 6);
      const bool in_float = precision == sst::Precision::in_float;
      auto model = fitted(kernel, x, y, sst::Ridge::relative(1e-15), precision);
      const Eigen::VectorXd at =
          model.predict_with_std(x).std.col(0);  // no variance, up to rounding of either sign
      CHECK((at.array() >= 0).all());
      CHECK(at.maxCoeff() < (in_float ? 0.05 : 1e-4));

      if (kernel == sst::Kernel::ntk) continue;  // |(v, -1)|^2 in the joint prior: no v makes it negative
      // As if A were a quarter: too much is subtracted by far.
      const sst::Model& m = model.model;
      const auto half = std::make_shared<const sst::Cholesky<double>>(
          sst::Cholesky<double>::from_factor(0.5 * m.known_factor()->storage()));
      const sst::Model wrong({m.kernel(), m.x(), m.y(), m.weights(), m.ridge(), m.lambda(), half});
      CHECK_THROWS_WITH(wrong.predict_with_std(x), Contains("the variance of test sample") &&
                                                       Contains("rounding explains no more than"));
    }
}

TEST_CASE("Leaving one out equals refitting without it", "[pipeline][saved_model]") {
  const Eigen::MatrixXd x = normal(150, 3, 13), y = normal(150, 2, 14);  // more than a block of columns
  const auto model = fitted(sst::Kernel::ntk, x, y, sst::Ridge::absolute(0.3));
  const Eigen::MatrixXd found = model.leave_one_out();
  for (const Eigen::Index out : {0, 77, 127, 128, 149}) {
    std::vector<Eigen::Index> others;
    for (Eigen::Index i = 0; i < 150; ++i)
      if (i != out) others.push_back(i);
    const auto refit = sst::fit(sst::ntk(network()), Eigen::MatrixXd(x(others, sst::every)),
                                Eigen::MatrixXd(y(others, sst::every)), sst::Ridge::absolute(0.3));
    CHECK((refit.predict(x.row(out)) - found.row(out)).norm() <= 1e-10);
  }
  const auto scaled = machine();
  auto plain = scaled;
  plain.target_scaling.reset();
  CHECK(same_bits(scaled.leave_one_out(), scaled.target_scaling->undo(plain.leave_one_out())));
}

TEST_CASE("Appended rows give the refit", "[pipeline][saved_model]") {
  const Folder folder;
  const Eigen::MatrixXd x = normal(40, 3, 10), y = normal(40, 2, 11), at = normal(9, 3, 12);
  for (const auto kernel : {sst::Kernel::nngp, sst::Kernel::ntk}) {
    auto model = fitted(kernel, x.topRows(20), y.topRows(20), sst::Ridge::absolute(0.01));
    model.append(x.middleRows(20, 1), y.middleRows(20, 1));
    sst::save_model(folder.path / "m", model);
    model = sst::load_model(folder.path / "m");
    model.append(x.bottomRows(19), y.bottomRows(19));
    const auto refit = fitted(kernel, x, y, sst::Ridge::absolute(0.01));
    CHECK((model.model.weights() - refit.model.weights()).norm() <= 1e-10 * refit.model.weights().norm());
    const auto a = model.predict_with_std(at), b = refit.predict_with_std(at);
    CHECK((a.mean - b.mean).norm() <= 1e-10 * b.mean.norm());
    CHECK((a.std - b.std).norm() <= 1e-10 * b.std.norm());
  }
}

TEST_CASE("Appending scales as in training, and changes nothing when it fails", "[pipeline][saved_model]") {
  auto model = machine();
  const Eigen::MatrixXd x = model.input_scaling->undo(model.model.x().dense()), y = model.training_targets();
  auto longer = model;
  longer.append(x.topRows(2), y.topRows(2));
  CHECK((longer.model.x().dense().row(30) - model.model.x().dense().row(0)).norm() <= 1e-13);
  CHECK((longer.model.y().row(31) - model.model.y().row(1)).norm() <= 1e-13);
  CHECK_THROWS_WITH(model.append(x.topRows(2), y.topRows(1)), Contains("1 x 2 for 2 samples"));
  CHECK_THROWS_WITH(model.append(x.leftCols(2), y), Contains("2 columns"));
  CHECK_THROWS_WITH(model.predict(x.leftCols(2)), Contains("2 columns"));
  Eigen::MatrixXd bad = y;
  bad(0, 0) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(model.append(x, bad), Contains("not finite"));
  const sst::Model& m = model.model;
  sst::Model negative({m.kernel(), m.x(), m.y(), m.weights(), m.ridge(), -10});
  CHECK_THROWS_AS(negative.append(x.topRows(1), y.topRows(1)), sst::NotPositiveDefinite);
  CHECK(negative.samples() == 30);
  CHECK(negative.weights().rows() == 30);
}

TEST_CASE("A model of images is saved with their shape", "[pipeline][saved_model]") {
  const Folder folder;
  const sst::ImageShape shape{.height = 3, .width = 2, .channels = 2};
  const auto net =
      sst::trace([](sst::Node x) { return dense(global_avg_pool(relu(conv(x, {.weight_std = 1.4})))); });
  const Eigen::MatrixXd x = normal(10, 12, 1), y = normal(10, 1, 2);
  const auto model = sst::fit(sst::ntk(net, shape), x, y, sst::Ridge::relative(0.1));
  sst::save_model(folder.path / "m", model);
  CHECK(same_bits(sst::load_model(folder.path / "m").predict(x), model.predict(x)));
}

TEST_CASE("Every damage to a saved model is found", "[pipeline][saved_model]") {
  const Folder folder;
  const fs::path good = folder.path / "good", bad = folder.path / "bad";
  sst::save_model(good, machine(), sst::StoreFactor::yes);
  const std::vector<std::string> files{"topology.json", "x.npy",      "y.npy",
                                       "weights.npy",   "factor.npy", "model.json"};
  for (const std::string& file : files) {
    const auto fresh = [&] {
      fs::remove_all(bad);
      fs::copy(good, bad);
      return bad / file;
    };
    const auto size = static_cast<std::streamoff>(fs::file_size(good / file));
    for (std::streamoff at = 0; at < size - 1;
         at += size / 23 + 1) {  // not the last byte: a newline, or data
      flip(fresh(), at);
      INFO(file << " at " << at);
      CHECK_THAT(load_error(bad), Contains(file) && Contains("cannot load"));
    }
    fs::resize_file(fresh(), static_cast<std::uintmax_t>(size / 2));
    CHECK_THAT(load_error(bad), Contains(file));
    fs::remove(fresh());
    CHECK_THAT(load_error(bad), Contains(file));
  }
  CHECK(load_error(good) == "no error");
}

TEST_CASE("A later version and what is not a model", "[pipeline][saved_model]") {
  const Folder folder;
  sst::save_model(folder.path / "m", machine());
  std::ifstream in(folder.path / "m" / "model.json");
  std::string text{std::istreambuf_iterator<char>(in), {}};
  text.replace(text.find("\"sst_model\": 1"), 14, "\"sst_model\": 2");
  std::ofstream(folder.path / "m" / "model.json") << text;
  CHECK_THAT(load_error(folder.path / "m"), Contains("of version 2 and this library reads version 1"));
  CHECK_THAT(load_error(folder.path / "none"), Contains("not a folder"));
  CHECK_THAT(load_error(folder.path), Contains("no model.json"));
  std::ofstream(folder.path / "m" / "model.json") << std::string(100000, '[');
  CHECK_THAT(load_error(folder.path / "m"), Contains("damaged"));
}

TEST_CASE("Saving replaces models only, and whole", "[pipeline][saved_model]") {
  const Folder folder;
  const fs::path place = folder.path / "m";
  sst::save_model(place / "", machine());  // "m/"
  sst::save_model(place, machine(sst::Kernel::nngp, 20));
  CHECK(sst::load_model(place).model.samples() == 20);
  fs::create_directory(folder.path / "mine");
  std::ofstream(folder.path / "mine" / "diary.txt") << "dear";
  CHECK_THROWS_WITH(sst::save_model(folder.path / "mine", machine()),
                    Contains("it holds 'diary.txt', which is not ours"));
  CHECK(fs::exists(folder.path / "mine" / "diary.txt"));
  CHECK_THROWS_WITH(sst::save_model(folder.path / "no" / "m", machine()),
                    Contains("cannot write the folder"));
  auto latin = machine();
  latin.targets = {"\xe9", "b"};
  CHECK_THROWS_WITH(sst::save_model(place, latin), Contains("not UTF-8"));
  CHECK(sst::load_model(place).model.samples() == 20);
  const sst::Model m = machine().model;
  CHECK_THROWS_WITH(sst::Model({m.kernel(), m.x(), m.y(), m.weights().topRows(3), m.ridge(), m.lambda()}),
                    Contains("the weights is 3 x 2"));
  const auto own = sst::kernel_function("own", [](const auto& a, const auto& b) { return a.dot(b); });
  CHECK_THROWS_WITH(sst::save_model(place, sst::fit(own, m.x(), m.y(), sst::Ridge::relative(1))),
                    Contains("'own'"));
  CHECK(folder.entries() == 2);
}

TEST_CASE("A model is saved over nothing but a model", "[pipeline][saved_model]") {
  const Folder folder;
  const fs::path place = folder.path / "m";
  const auto refuse = [&](const std::string& why) {
    const auto before = everything(place);
    CHECK_THROWS_WITH(sst::save_model(place, machine()),
                      Contains("cannot write the folder") && Contains(why));
    CHECK_THROWS_WITH(sst::require_model_place(place), Contains(why));
    CHECK((everything(place) == before));
  };
  const auto start = [&] {
    fs::remove_all(place);
    sst::save_model(place, machine());
  };
  fs::create_directory(place);
  folder.write("m/model.json", R"({"project": "of somebody else"})");
  refuse("it is not a model");
  folder.write("m/x.npy", "their data");
  refuse("it is not a model");
  start();
  sst::require_model_place(place);
  folder.write("m/notes.txt", "beside the model");
  refuse("it holds 'notes.txt'");
  start();
  folder.write("m/topology.json", "edited");
  refuse("was changed since it was written");
  start();
  flip(place / "weights.npy", 200);
  refuse("was changed since it was written");
  start();
  folder.write("m/factor.npy", "not of this model");  // a name of ours that the manifest does not list
  refuse("was changed since it was written");
  CHECK(folder.entries() == 1);
}

TEST_CASE("A saved model keeps its table encoding", "[pipeline][saved_model]") {
  const Folder folder;
  auto model = machine();
  sst::TableEncoding encoding;
  encoding.treatments = {sst::MissingValues::mean, sst::TextColumns::onehot, sst::Redundant::drop,
                         sst::Redundant::error};
  encoding.targets = {{"y", 2}};
  using enum sst::ColumnEncoding::Kind;
  encoding.columns = {{"a", number, {}, {1.0 / 3}, {}},
                      {"b", categories, {"no", "yes"}, {0.25, 0.75}, {}},
                      {"y", left_out, {}, {}, "the target"}};
  model.encoding = encoding;
  model.classes = {"left", "right"};
  model.inverse_temperature = 1.0 / 3;
  model.model.fit_amplitudes();
  sst::save_model(folder.path / "m", model);
  const auto loaded = sst::load_model(folder.path / "m");
  CHECK(same_bits(loaded.model.amplitudes(), model.model.amplitudes()));
  CHECK_FALSE(model.model.amplitudes().isOnes(0));
  CHECK(loaded.encoding == encoding);
  CHECK(loaded.classes == model.classes);
  CHECK(loaded.inverse_temperature == model.inverse_temperature);
  CHECK(same_bits(loaded.probabilities(loaded.model.y()), sst::softmax(model.model.y(), 1.0 / 3)));
}

namespace {

/// Changes model.json and makes its checksum right again.
template <class Change>
void forge(const fs::path& folder, Change&& change) {
  auto json = sst::detail::Json::parse(sst_test::content(folder / "model.json"));
  change(json);
  std::ofstream(folder / "model.json") << sst::detail::sealed(json);
}

}  // namespace

TEST_CASE("A model reads no file but its own, and each with its checksum", "[pipeline][saved_model]") {
  using sst::detail::Json;
  const Folder folder;
  const fs::path place = folder.path / "m";
  sst::save_model(place, machine());
  forge(place, [](Json&) {});
  CHECK(load_error(place) == "no error");
  for (const std::string name : {"/dev/zero", "../m/x.npy", "model.json"}) {  // the first one never ends
    fs::remove_all(place);
    sst::save_model(place, machine());
    forge(place, [&](Json& json) { json["files"][name] = json["files"]["x.npy"]; });
    CHECK_THAT(load_error(place), Contains("it lists '" + name + "'"));
  }
  for (const std::string name : {"topology.json", "x.npy", "y.npy", "weights.npy"}) {
    fs::remove_all(place);
    sst::save_model(place, machine());
    forge(place, [&](Json& json) { json["files"].erase(name); });
    CHECK_THAT(load_error(place), Contains("does not list " + name));
  }
}

TEST_CASE("A model with an encoding that nothing can be encoded with", "[pipeline][saved_model]") {
  using sst::detail::Json;
  const Folder folder;
  auto model = machine();
  using enum sst::ColumnEncoding::Kind;
  model.encoding.emplace();
  model.encoding->targets = {{"y", 3}};
  model.classes = {"left", "right"};
  model.encoding->columns = {{"a", number, {}, {1}, {}},
                             {"b", categories, {"no", "yes"}, {0.25, 0.75}, {}},
                             {"c", left_out, {}, {}, {}},
                             {"y", left_out, {}, {}, "the target"}};
  const auto error_after = [&](auto&& change) {
    sst::save_model(folder.path / "m", model);
    forge(folder.path / "m", [&](Json& json) { change(json["encoding"]); });
    return load_error(folder.path / "m");
  };
  CHECK(error_after([](Json&) {}) == "no error");
  // No category at all, and what bisection does not find.
  CHECK_THAT(error_after([](Json& encoding) { encoding["columns"][2]["kind"] = "categories"; }),
             Contains("encoding does not fit"));
  CHECK_THAT(error_after([](Json& encoding) {
               encoding["columns"][1]["categories"] = {"yes", "no"};
             }),
             Contains("encoding does not fit"));
  CHECK_THAT(error_after([](Json& encoding) {
               encoding["columns"][1]["categories"] = {"no", "no"};
             }),
             Contains("encoding does not fit"));
  // A target that is a feature too.
  CHECK_THAT(error_after([](Json& encoding) { encoding["targets"][0]["index"] = 0; }),
             Contains("encoding does not fit"));
  CHECK_THAT(error_after([](Json& encoding) { encoding["targets"] = Json::array(); }),
             Contains("encoding does not fit"));
  CHECK_THAT(error_after([](Json& encoding) { encoding["targets"].push_back(encoding["targets"][0]); }),
             Contains("encoding does not fit"));
  // As models were written when there was but one.
  CHECK(error_after([](Json& encoding) {
          encoding.erase("targets");
          encoding["target"] = "y";
          encoding["target_index"] = 3;
        }) == "no error");
}

}  // namespace saved_model_tests
