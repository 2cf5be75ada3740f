#include <cmath>
#include <iostream>
#include <sst/ntk.hpp>
#include <type_traits>

// Another version's names would be others to the linker.
static_assert(std::is_same_v<sst::Topology, sst::SST_ABI::Topology>);

double kernel_of_orthogonal_rows();

int main() {
  const sst::Topology net = sst::trace([](sst::Node x) { return dense(relu(dense(x))); });
  const Eigen::MatrixXd x{{1.0, 0.0}, {0.0, 1.0}, {1.0, 1.0}};
  const Eigen::MatrixXd y = x.col(0) - x.col(1);
  const auto model = sst::fit(sst::ntk(net), x, y, sst::Ridge::absolute(0));
  const double error = (model.predict(x) - y).norm();
  // Orthogonal rows of length 1 in two dimensions: the ReLU network's kernel is 1/2 * 1/(2 pi).
  const double kernel = kernel_of_orthogonal_rows(), expected = 0.25 / std::acos(-1.0);
  std::cout << "sst " << SST_VERSION_MAJOR << '.' << SST_VERSION_MINOR << '.' << SST_VERSION_PATCH
            << ": error at the training rows " << error << ", kernel " << kernel << '\n';
  return error < 1e-12 && std::abs(kernel - expected) < 1e-15 ? 0 : 1;
}
