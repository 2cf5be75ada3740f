// SPDX-License-Identifier: MIT
// One include, one fit: what a user waits for.
#include <iostream>

#include <sst/ntk.hpp>

int main() {
  const sst::Topology net = sst::trace([](sst::Node x) { return dense(relu(dense(x))); });
  const Eigen::MatrixXd x = Eigen::MatrixXd::Random(50, 3);
  const auto model = sst::fit(sst::ntk(net), x, x.col(0), sst::Ridge::relative(1e-3));
  std::cout << model.predict(x) << '\n';
}
