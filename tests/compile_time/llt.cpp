// SPDX-License-Identifier: MIT
// What Eigen alone takes for the same algebra: the unit of the budget.
#include <iostream>

#include <Eigen/Dense>

int main() {
  const Eigen::MatrixXd x = Eigen::MatrixXd::Random(50, 3);
  const Eigen::MatrixXd k = x * x.transpose() + Eigen::MatrixXd::Identity(50, 50);
  std::cout << k.llt().solve(x) << '\n';
}
