// SPDX-License-Identifier: MIT
#pragma once

#include <fstream>
#include <string>
#include <vector>

#include <Eigen/Core>
#include <nlohmann/json.hpp>

#include <sst/topology/json.hpp>

/// A case of tests/golden/kernels.json or hard.json: exact kernels, from 50 digits and more.
struct GoldenCase {
  sst::Topology topology;
  Eigen::MatrixXd x, x2;  ///< x2 is empty for K(x, x)
  Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic> nngp, ntk;
};

inline std::vector<GoldenCase> golden_cases(const std::string& name) {
  std::ifstream file(std::string(SST_TEST_DIR "/golden/") + name);
  const auto all = nlohmann::json::parse(file);
  const auto numbers = [](const nlohmann::json& rows) {
    Eigen::MatrixXd m(rows.size(), rows.at(0).size());
    for (Eigen::Index i = 0; i < m.rows(); ++i)
      for (Eigen::Index j = 0; j < m.cols(); ++j)
        m(i, j) = rows[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)].get<double>();
    return m;
  };
  const auto texts = [](const nlohmann::json& rows) {
    Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic> m(rows.size(), rows.at(0).size());
    for (Eigen::Index i = 0; i < m.rows(); ++i)
      for (Eigen::Index j = 0; j < m.cols(); ++j)
        m(i, j) =
            std::stold(rows[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)].get<std::string>());
    return m;
  };
  std::vector<GoldenCase> cases;
  for (const auto& c : all.at("cases"))
    cases.push_back({sst::topology_from_json(c.at("topology")), numbers(c.at("x")),
                     c.contains("x2") ? numbers(c.at("x2")) : Eigen::MatrixXd(), texts(c.at("nngp")),
                     texts(c.at("ntk"))});
  return cases;
}

/// The largest error relative to the square root of the product of the diagonal entries.
template <class Matrix, class Reference>
double relative_error(const Matrix& k, const Reference& exact) {
  double worst = 0;
  for (Eigen::Index i = 0; i < k.rows(); ++i)
    for (Eigen::Index j = 0; j < k.cols(); ++j) {
      const long double scale =
          k.rows() == k.cols() ? std::sqrt(exact(i, i) * exact(j, j)) : std::abs(exact(i, j));
      const long double gap = std::abs(static_cast<long double>(k(i, j)) - exact(i, j));
      const double error = static_cast<double>(scale > 0 ? gap / scale : gap);
      if (!(error <= worst)) worst = error;  // NaN counts
    }
  return worst;
}
